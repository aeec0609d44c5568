"""The process that programs are forked from: it loads their code once, and forks whenever a program is to start.

`python -P -m rescue_common.processes.fork_server REQUESTS SENDER PARENT_PIPE` takes three descriptors. The first two
are the ends of one Unix socket: the fork server reads requests at the one, and gives the other to its children, so that
they can request children as well. PARENT_PIPE reports the end of the parent (see `parent_death`). Then the children
end, each by its own parent pipe. After them the fork server removes what the parent can no longer remove, and ends.
The parent's side is `forked`.

A request (`ChildRequest`) comes with six descriptors: the child's stdin, stdout, stderr and working directory, its
parent pipe, and its status socket. Without descriptors it asks for no child: only its modules are loaded. On the status
socket the child sends its pid, and the requester answers what the child becomes (`ChildStart`). If no answer comes, the
requester is gone, and the child ends. At the end the fork server sends the exit status (negative: the signal). Each of
these is one line. The child keeps its end of the socket open as long as it lives, so that the requester sees the end of
a child even if the fork server ended before.

To load gRPC and the server takes longer than everything that a server does until it is ready. A child is a process like
one that was started without a fork server: it has a session of its own and the requested environment. gRPC does not
survive a fork, so the fork server loads it but never runs it. Only limits, umask and niceness are the fork server's.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import shutil
import signal
import socket
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path

from rescue_common.processes import parent_death
from rescue_common.processes.messages import ChildRequest, ChildStart

_LONGEST_REQUEST = 32 * 1024  # bytes: a path has at most 4096 bytes, and JSON can need six for each
_DESCRIPTORS = 6
_ARGUMENTS_BEGIN, _ARGUMENTS_END = 45, 46  # fields of /proc/PID/stat, counted after the name


class Child:
    """This process after the fork: the descriptors of the child, and how it becomes a program."""

    def __init__(self, streams: tuple[int, int, int], directory: int, parent_pipe: int, status: socket.socket) -> None:
        self._streams = streams
        self._directory = directory
        self._parent_pipe = parent_pipe
        self._status = status

    def run(self) -> None:
        """Run the program that the requester wants; return or raise SystemExit when it has ended."""
        os.setsid()  # the requester can then end the process group by the pid
        _send_number(self._status, os.getpid())
        line = b""
        with contextlib.suppress(ConnectionError), self._status.makefile("rb") as lines:
            line = lines.readline()
        if not line.endswith(b"\n"):
            return
        for number, descriptor in enumerate(self._streams):
            os.dup2(descriptor, number)
        os.fchdir(self._directory)
        for descriptor in (*self._streams, self._directory):
            os.close(descriptor)
        self._status.set_inheritable(False)
        _run_program(ChildStart.decode(line), self._parent_pipe)


class ForkServer:
    """The loop of the fork server."""

    def __init__(self, requests: socket.socket, parent_pipe: int) -> None:
        self._requests = requests
        self._parent_pipe = parent_pipe
        self._status: dict[int, socket.socket] = {}  # by pid, of all living children
        self._directories: set[str] = set()
        self._woken, self._wake = socket.socketpair()

    def run(self) -> Child | None:
        """Fork until the parent has died, then return None. In a child, return the child."""
        self._wake.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # an ignored signal would not wake the poll
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        watch = select.poll()  # select() cannot take the parent's descriptors if their numbers are high
        for watched in (self._woken, self._requests, self._parent_pipe):
            watch.register(watched, select.POLLIN)
        parent_died = False
        while True:
            ready = {descriptor for descriptor, _ in watch.poll()}
            if self._woken.fileno() in ready:
                self._woken.recv(4096)
                self._report_ended()
            if self._parent_pipe in ready:
                parent_died = True
                watch.unregister(self._parent_pipe)
                for pid in self._status:
                    os.kill(pid, signal.SIGCONT)  # a stopped process would not see the end of its parent pipe
            if self._requests.fileno() in ready:  # the last requests too, because they name directories
                if child := self._fork():
                    return child
            elif parent_died and not self._status:
                for directory in self._directories:
                    shutil.rmtree(directory, ignore_errors=True)
                return None

    def _fork(self) -> Child | None:
        message, descriptors, _, _ = socket.recv_fds(self._requests, _LONGEST_REQUEST, _DESCRIPTORS)
        request = ChildRequest.decode(message)
        if request.directory:
            self._directories.add(request.directory)
        pid = -1
        _load(request.modules)
        if len(descriptors) == _DESCRIPTORS:  # none: only load; some: this process has too many open files
            with contextlib.suppress(OSError):  # there can be no other process
                pid = os.fork()
        if pid == 0:
            self._leave()
            stdin, stdout, stderr, directory, parent_pipe, status = descriptors
            return Child((stdin, stdout, stderr), directory, parent_pipe, socket.socket(fileno=status))
        if pid > 0:
            self._status[pid] = socket.socket(fileno=descriptors.pop())
        for descriptor in descriptors:  # without a child, the requester sees that the status socket is closed
            os.close(descriptor)
        return None

    def _leave(self) -> None:
        """Close, in a child, everything of the fork server."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self._parent_pipe)
        for end in (self._requests, self._woken, self._wake, *self._status.values()):
            end.close()

    def _report_ended(self) -> None:
        for pid in list(self._status):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                with self._status.pop(pid) as requester:
                    _send_number(requester, os.waitstatus_to_exitcode(status))


def _load(modules: Sequence[str]) -> None:
    if all(name in sys.modules for name in modules):
        return
    # A module that cannot be loaded reports that in the child, where the requester sees it.
    with contextlib.suppress(Exception):
        for name in modules:
            import_module(name)
    gc.collect()
    gc.freeze()  # the children share this memory until somebody writes to it


def _send_number(status: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # the requester may have ended
        status.sendall(b"%d\n" % number)


def _run_program(start: ChildStart, parent_pipe: int) -> None:
    """Become a program; return or raise SystemExit when it has ended."""
    os.environ.clear()
    os.environ.update(start.environment)
    _set_command_line(start.module, start.arguments)
    for name in (start.module, f"{start.module}.__main__"):
        if not hasattr(sys.modules.get(name), "__path__"):
            sys.modules.pop(name, None)  # it was only loaded, and now it runs
    parent_death.run(parent_pipe, "", start.module, start.arguments)


def _set_command_line(module: str, arguments: Iterable[str]) -> None:
    """Show the program in `ps` and `top`, as far as it fits into the fork server's own command line.

    Without it every program would be listed as a fork server, and nobody could find the process of a console. Linux
    has no call to set the command line of an unprivileged process, so this writes into the process's own memory.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(module.rpartition(".")[2], encoding="utf-8")
        fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
        begin, end = int(fields[_ARGUMENTS_BEGIN]), int(fields[_ARGUMENTS_END])
        shown = b"\0".join(map(os.fsencode, (module, *arguments)))[: end - begin - 1]
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(begin)
            memory.write(shown.ljust(end - begin, b"\0"))


def _open_stderr() -> None:
    # If the parent has no stderr, the next opened file would become it.
    try:
        os.fstat(2)
    except OSError:
        os.open(os.devnull, os.O_RDWR)


def main() -> None:
    """Run the fork server; in a child, run the program."""
    _open_stderr()
    requests, sender, parent_pipe = (int(argument) for argument in sys.argv[1:])
    with socket.socket(fileno=sender) as to_fork_server:
        if child := ForkServer(socket.socket(fileno=requests), parent_pipe).run():
            from rescue_common.processes import forked

            forked.inherit_fork_server(to_fork_server)
            child.run()


if __name__ == "__main__":
    main()
