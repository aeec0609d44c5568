"""Children that are forked from a fork server, as their parent has them: warm, in hundredths of a second.

Only on Linux; elsewhere a fork without a fresh start is not safe, `fork_server` and `inherited` say None, and whoever
asks starts his child cold. Either way a child is a process of a session of its own, on the leash of its parent.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from typing import IO

from rescue_protos.programs.fork_server import Start

_LONGEST_LINE = 16 * 1024 * 1024  # a snapshot of a long queue is one line
_UNKNOWN_STATUS = 255  # what subprocess says, too, if somebody else has taken a child's status


class Forked:
    """A running child and its ends of the pipes, in the manner of asyncio's own `Process`."""

    def __init__(
        self,
        pid: int,
        stdin: asyncio.StreamWriter,
        stdout: asyncio.StreamReader,
        stderr: asyncio.StreamReader | None,
        status: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        self._waiting = asyncio.create_task(self._await_status(*status), name=f"wait for {pid}")

    def send_signal(self, signal: int) -> None:
        """Raises ProcessLookupError if it has ended."""
        if self.returncode is not None:
            raise ProcessLookupError(self.pid)
        os.kill(self.pid, signal)

    def kill(self) -> None:
        """Raises ProcessLookupError if it has ended."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Return its exit status (negative: the signal) when it has ended."""
        return await asyncio.shield(self._waiting)

    async def _await_status(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        told = await reader.readline()
        writer.close()
        self.returncode = int(told) if told.endswith(b"\n") else _UNKNOWN_STATUS
        return self.returncode


class ForkServerGone(Exception):
    """The fork server ended, or had no room for another process; a child can still be started cold."""


class ForkServer:
    """A fork server, as those see it who ask it for children."""

    def __init__(self, sender: socket.socket) -> None:
        self._sender = sender

    async def fork(
        self,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        loads: Sequence[str],
        directory: str = "",
        stderr: int | None = None,
    ) -> Forked:
        """Run a module in a child. `loads` are the modules that it needs; they are loaded once, before the fork.

        `directory` is for its leash to remove. `stderr` is a descriptor; a pipe if not given. Raises ForkServerGone.
        """
        start = Start(
            module=module,
            arguments=list(arguments),
            environment=dict(environment),
            directory=directory,
            place=os.getcwd(),
        )
        forking = asyncio.create_task(self._fork(start, loads, stderr))
        try:
            return await asyncio.shield(forking)
        except asyncio.CancelledError:
            # Nobody will ever hear of this child: it must not be there.
            with contextlib.suppress(ForkServerGone, ProcessLookupError):
                (await forking).kill()
            raise

    async def _fork(self, start: Start, loads: Sequence[str], own_stderr: int | None) -> Forked:
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            stdin, their_stdin = _socket_pair(ours, theirs)
            stdout, their_stdout = _pipe(ours, theirs)
            stderr, their_stderr = _pipe(ours, theirs) if own_stderr is None else (None, own_stderr)
            status, their_status = _socket_pair(ours, theirs)
            theirs_all = (their_stdin.fileno(), their_stdout, their_stderr, lifeline(), their_status.fileno())
            try:
                socket.send_fds(self._sender, [" ".join(loads).encode()], theirs_all)
            except OSError as error:
                raise ForkServerGone(f"the fork server is gone: {error}") from None
            theirs.close()
            from_child, to_child = await asyncio.open_connection(sock=status)
            to_child.write(start.encode())
            told = b""
            with contextlib.suppress(ConnectionError):
                told = await from_child.readline()
            if not told.endswith(b"\n"):
                to_child.close()
                raise ForkServerGone(f"the fork server started no {start.module}")
            _, to_stdin = await asyncio.open_connection(sock=stdin)
            pipes = (to_stdin, await _reader(stdout), await _reader(stderr) if stderr is not None else None)
            ours.pop_all()  # the streams close them from here on
        return Forked(int(told), *pipes, (from_child, to_child))


def _socket_pair(ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[socket.socket, socket.socket]:
    here, there = socket.socketpair()
    return ours.enter_context(here), theirs.enter_context(there)


def _pipe(ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[IO[bytes], int]:
    reading, writing = os.pipe()
    theirs.callback(os.close, writing)
    return ours.enter_context(open(reading, "rb", buffering=0)), writing


async def _reader(pipe: IO[bytes]) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader


_own: dict[tuple[int, tuple[tuple[str, str], ...]], tuple[subprocess.Popen[bytes], ForkServer]] = {}
_starting = threading.Lock()
_inherited: ForkServer | None = None


def fork_server(environment: Mapping[str, str]) -> ForkServer | None:
    """Return this process's own fork server for such an environment, started if need be; it ends with this process."""
    if sys.platform != "linux":
        return None
    # What Python itself heeds at its start cannot change after a fork; nor is a forked parent's fork server its own.
    heeded = tuple(sorted((name, value) for name, value in environment.items() if name.startswith("PYTHON")))
    with _starting:
        process, server = _own.get((os.getpid(), heeded), (None, None))
        if process is None or process.poll() is not None:
            process, server = _own[os.getpid(), heeded] = _start(environment)
        return server


def inherited() -> ForkServer | None:
    """Return the fork server that this process was forked from, if it was."""
    return _inherited


def inherit(sender: socket.socket) -> None:
    """Take the fork server that this process was forked from."""
    global _inherited
    _inherited = ForkServer(sender)


@cache
def lifeline() -> int:
    """Return the reading end of the pipe whose writing end lives exactly as long as this process: for leashes."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, False)
    return reading


def _start(environment: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], ForkServer]:
    requests, sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    handed = (requests.fileno(), sender.fileno(), lifeline())
    with requests:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rescue_protos.programs.fork_server", *map(str, handed)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment,
            pass_fds=handed,
            start_new_session=True,  # Ctrl-C is for the parent
        )
    atexit.register(_end, process)
    return process, ForkServer(sender)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # it has nothing to lose
    process.wait()
