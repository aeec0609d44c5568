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
from typing import IO

from rescue_common.processes.fork_server import Request, Start

# Names of the environment begin so that Python, the dynamic loader, the C library or gRPC heed when they are loaded.
_HEEDED = ("PYTHON", "LD_", "LC_", "LANG", "TZ", "GRPC_")
_PATIENCE = 30.0  # real seconds; loading for the first child takes half of one
LONGEST_LINE = 16 * 1024 * 1024  # a snapshot of a long queue is one line
_UNKNOWN_STATUS = 255  # what asyncio says, too, if somebody else has taken a child's status


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

    def send_signal(self, number: int) -> None:
        """Raises ProcessLookupError if it has ended."""
        if self.returncode is not None:
            raise ProcessLookupError(self.pid)
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Raises ProcessLookupError if it has ended."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Return its exit status (negative: the signal) when it has ended."""
        return await asyncio.shield(self._waiting)

    async def _await_status(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        told = b""
        with contextlib.suppress(ConnectionError):
            told = await reader.readline()
        writer.close()
        self.returncode = int(told) if told.endswith(b"\n") else _UNKNOWN_STATUS
        return self.returncode


class CannotFork(Exception):
    """The fork server is gone or does not answer, or has no room for another process; a cold start may do."""


class ForkServer:
    """A fork server, as those see it who ask it for children."""

    def __init__(self, sender: socket.socket) -> None:
        self._sender = sender

    def close(self) -> None:
        """Ask for no more children."""
        self._sender.close()

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

        `directory` is removed if this process is gone and can no longer do it. `stderr` is a descriptor; a pipe if
        not given. Raises CannotFork.
        """
        request = Request(modules=tuple(loads), directory=directory)
        start = Start(module=module, arguments=tuple(arguments), environment=dict(environment))
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._fork(request, start, stderr)
        except (OSError, TimeoutError) as error:
            raise CannotFork(f"{module} was not forked: {error!r}") from None

    async def _fork(self, request: Request, start: Start, own_stderr: int | None) -> Forked:
        # A child that is not told what it is to be ends: nothing else has to be done if this goes wrong or is given up.
        with contextlib.ExitStack() as ours:
            with contextlib.ExitStack() as theirs:
                stdin, their_stdin = _socket_pair(ours, theirs)
                stdout, their_stdout = _pipe(ours, theirs)
                stderr, their_stderr = _pipe(ours, theirs) if own_stderr is None else (None, own_stderr)
                status, their_status = _socket_pair(ours, theirs)
                place = os.open(".", os.O_PATH | os.O_DIRECTORY)  # it need not have a name any more
                theirs.callback(os.close, place)
                handed = (their_stdin, their_stdout, their_stderr, place, lifeline(), their_status)
                socket.send_fds(self._sender, [request.encode()], handed, socket.MSG_DONTWAIT)
            from_child, to_child = await _connect(ours, status)
            told = await from_child.readline()
            if not told.endswith(b"\n") or (pid := int(told)) < 0:  # a signal was faster than its first word
                raise ConnectionError("the fork server gave no child")
            _, to_stdin = await _connect(ours, stdin)
            pipes = (to_stdin, await _reader(ours, stdout), await _reader(ours, stderr) if stderr is not None else None)
            to_child.write(start.encode())
            ours.pop_all()
        return Forked(pid, *pipes, (from_child, to_child))


def _socket_pair(ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[socket.socket, int]:
    here, there = socket.socketpair()
    return ours.enter_context(here), theirs.enter_context(there).fileno()


def _pipe(ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[IO[bytes], int]:
    reading, writing = os.pipe()
    theirs.callback(os.close, writing)
    return ours.enter_context(open(reading, "rb", buffering=0)), writing


async def _connect(ours: contextlib.ExitStack, end: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(sock=end)
    ours.callback(writer.transport.abort)
    return reader, writer


async def _reader(ours: contextlib.ExitStack, pipe: IO[bytes]) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
    ours.callback(transport.close)
    return reader


class _Process:
    """What belongs to this process alone: its fork servers, and the pipe that says whether it lives."""

    def __init__(self) -> None:
        self.fork_servers: dict[_Heeded, tuple[subprocess.Popen[bytes], ForkServer]] = {}
        self.starting = threading.Lock()
        self.lifeline: tuple[int, int] | None = None

    def leave(self) -> None:
        """In a fork of it: keep nothing, or its programs would hang on that one's life, too."""
        for process, server in self.fork_servers.values():
            process.returncode = 0  # it is no child of ours
            server.close()
        for end in self.lifeline or ():
            os.close(end)
        atexit.unregister(_end)


_Heeded = tuple[tuple[str, str], ...]
_this = _Process()
_inherited: ForkServer | None = None


def _forked() -> None:
    global _this
    _this.leave()
    _this = _Process()


if sys.platform == "linux":
    os.register_at_fork(after_in_child=_forked)


def fork_server(environment: Mapping[str, str]) -> ForkServer | None:
    """Return this process's own fork server for such an environment, started if need be; it ends with this process."""
    if sys.platform != "linux":
        return None
    # What is heeded before a program begins cannot change after a fork.
    heeded = tuple(sorted((name, value) for name, value in environment.items() if name.startswith(_HEEDED)))
    with _this.starting:
        process, server = _this.fork_servers.get(heeded, (None, None))
        if process is None or server is None or process.poll() is not None:
            if server is not None:
                server.close()
            process, server = _this.fork_servers[heeded] = _start(environment)
        return server


def inherited() -> ForkServer | None:
    """Return the fork server that this process was forked from, if it was."""
    return _inherited


def inherit(sender: socket.socket) -> None:
    """Take the fork server that this process was forked from."""
    global _inherited
    _inherited = ForkServer(sender)


def lifeline() -> int:
    """Return the reading end of the pipe whose writing end lives exactly as long as this process: for leashes."""
    if _this.lifeline is None:
        _this.lifeline = os.pipe()
    return _this.lifeline[0]


def _start(environment: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], ForkServer]:
    requests, sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    handed = (requests.fileno(), sender.fileno(), lifeline())
    with requests:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rescue_common.processes.fork_server", *map(str, handed)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment,
            pass_fds=handed,
            start_new_session=True,  # Ctrl-C is for the parent
        )
    server = ForkServer(sender)
    atexit.register(_end, process, server)
    return process, server


def _end(process: subprocess.Popen[bytes], server: ForkServer) -> None:
    server.close()
    process.kill()  # it has nothing to lose
    process.wait()
