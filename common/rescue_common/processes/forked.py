"""Children that are forked from a fork server, from the parent's side: they start in hundredths of a second.

Only on Linux. Elsewhere a fork without exec is not safe: `own_fork_server` and `inherited_fork_server` return None, and
the caller starts the child in the usual way. Either way a child has a session of its own and ends with its parent.
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

from rescue_common.processes.messages import ChildRequest, ChildStart

# Prefixes of the variables that Python, the dynamic loader, the C library and gRPC read when they are loaded.
_READ_AT_LOAD = ("PYTHON", "LD_", "LC_", "LANG", "TZ", "GRPC_")
_TIMEOUT = 30.0  # real seconds; to load the modules for the first child takes half a second
LONGEST_LINE = 16 * 1024 * 1024  # a snapshot of a long queue is one line
_UNKNOWN_STATUS = 255  # as asyncio does if the status of a child was collected elsewhere


class ForkedProcess:
    """A running child and its pipes, with the methods of asyncio's `Process`."""

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
        """Send a signal. Raises ProcessLookupError if the child has ended."""
        if self.returncode is not None:
            raise ProcessLookupError(self.pid)
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL. Raises ProcessLookupError if the child has ended."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait for the child's end and return its exit status (negative: the signal)."""
        return await asyncio.shield(self._waiting)

    async def _await_status(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        line = b""
        with contextlib.suppress(ConnectionError):
            line = await reader.readline()
        writer.close()
        self.stdin.close()  # nobody reads it any more; asyncio's own processes do so as well
        self.returncode = int(line) if line.endswith(b"\n") else _UNKNOWN_STATUS
        return self.returncode


class CannotFork(Exception):
    """The fork server ended, does not answer, or can start no other process. To start the child cold may work."""


class ForkServerClient:
    """The requests to a fork server."""

    def __init__(self, sender: socket.socket) -> None:
        self._sender = sender

    def close(self) -> None:
        """Request no more children."""
        self._sender.close()

    def load(self, modules: Sequence[str]) -> None:
        """Let the fork server load modules that a child will need."""
        with contextlib.suppress(OSError):  # else they are loaded when the child is forked
            self._sender.send(ChildRequest(modules=tuple(modules)).encode(), socket.MSG_DONTWAIT)

    async def fork(
        self,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        loads: Sequence[str],
        directory: str = "",
        stderr: int | None = None,
    ) -> ForkedProcess:
        """Run a module in a child. `loads` are the modules that it needs; the fork server loads them once.

        The fork server removes `directory` if this process died and cannot do it. `stderr` is a descriptor; without
        it, stderr is a pipe. Raises CannotFork.
        """
        request = ChildRequest(modules=tuple(loads), directory=directory)
        start = ChildStart(module=module, arguments=tuple(arguments), environment=dict(environment))
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await self._fork(request, start, stderr)
        except (OSError, TimeoutError) as error:
            raise CannotFork(f"{module} was not forked: {error!r}") from None

    async def _fork(self, request: ChildRequest, start: ChildStart, own_stderr: int | None) -> ForkedProcess:
        # A child that gets no start ends by itself. So an error or a cancellation here needs no clean-up.
        with contextlib.ExitStack() as ours:
            with contextlib.ExitStack() as theirs:
                stdin, their_stdin = _socket_pair(ours, theirs)
                stdout, their_stdout = _pipe(ours, theirs)
                stderr, their_stderr = _pipe(ours, theirs) if own_stderr is None else (None, own_stderr)
                status, their_status = _socket_pair(ours, theirs)
                directory = os.open(".", os.O_PATH | os.O_DIRECTORY)  # it may have been removed
                theirs.callback(os.close, directory)
                handed = (their_stdin, their_stdout, their_stderr, directory, parent_pipe(), their_status)
                socket.send_fds(self._sender, [request.encode()], handed, socket.MSG_DONTWAIT)
            from_child, to_child = await _connect(ours, status)
            line = await from_child.readline()
            if not line.endswith(b"\n") or (pid := int(line)) < 0:  # negative: a signal ended it at once
                raise ConnectionError("the fork server gave no child")
            _, to_stdin = await _connect(ours, stdin)
            pipes = (to_stdin, await _reader(ours, stdout), await _reader(ours, stderr) if stderr is not None else None)
            to_child.write(start.encode())
            ours.pop_all()
        return ForkedProcess(pid, *pipes, (from_child, to_child))


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


class _ProcessState:
    """What belongs to this process alone: its fork servers, and the pipe that is closed when it ends."""

    def __init__(self) -> None:
        self.fork_servers: dict[_Variables, tuple[subprocess.Popen[bytes], ForkServerClient]] = {}
        self.starting = threading.Lock()
        self.parent_pipe: tuple[int, int] | None = None

    def leave(self) -> None:
        """Close everything in a fork of this process. Otherwise the programs would live as long as that fork, too."""
        for process, server in self.fork_servers.values():
            process.returncode = 0  # it is not a child of the fork
            server.close()
        for end in self.parent_pipe or ():
            os.close(end)
        atexit.unregister(_end)


_Variables = tuple[tuple[str, str], ...]
_this = _ProcessState()
_inherited: ForkServerClient | None = None


def _reset_after_fork() -> None:
    global _this
    _this.leave()
    _this = _ProcessState()


if sys.platform == "linux":
    os.register_at_fork(after_in_child=_reset_after_fork)


def own_fork_server(environment: Mapping[str, str]) -> ForkServerClient | None:
    """Return this process's fork server for an environment; start it if necessary. It ends with this process."""
    if sys.platform != "linux":
        return None
    # Variables that were read when the modules were loaded have no effect after the fork.
    variables = tuple(sorted((name, value) for name, value in environment.items() if name.startswith(_READ_AT_LOAD)))
    with _this.starting:
        process, server = _this.fork_servers.get(variables, (None, None))
        if process is None or server is None or process.poll() is not None:
            if server is not None:
                server.close()
            process, server = _this.fork_servers[variables] = _start(environment)
        return server


def inherited_fork_server() -> ForkServerClient | None:
    """Return the fork server that this process was forked from, if there is one."""
    return _inherited


def inherit_fork_server(sender: socket.socket) -> None:
    """Use the fork server that this process was forked from for children of its own."""
    global _inherited
    _inherited = ForkServerClient(sender)


def parent_pipe() -> int:
    """Return the reading end of a pipe whose writing end is closed exactly when this process ends."""
    if _this.parent_pipe is None:
        _this.parent_pipe = os.pipe()
    return _this.parent_pipe[0]


def _start(environment: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], ForkServerClient]:
    requests, sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    handed = (requests.fileno(), sender.fileno(), parent_pipe())
    with requests:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rescue_common.processes.fork_server", *map(str, handed)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment,
            pass_fds=handed,
            start_new_session=True,  # only the parent handles Ctrl-C
        )
    server = ForkServerClient(sender)
    atexit.register(_end, process, server)
    return process, server


def _end(process: subprocess.Popen[bytes], server: ForkServerClient) -> None:
    server.close()
    process.kill()  # it keeps nothing that has to be saved
    process.wait()
