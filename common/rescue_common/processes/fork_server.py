"""The process that warm programs are forked from: it loads their code once, and forks whenever one is wanted.

`python -P -m rescue_common.processes.fork_server REQUESTS SENDER LEASH`: three descriptors. The first two are the ends
of one Unix socket: the fork server reads requests at the one and hands the other to its children, so that they can ask
for children as well. LEASH reports the end of the parent (see `leash`): then the children end, on leashes of their own,
and after them the fork server, which removes what the parent can no longer remove. The parent's side is `forking`.

A request (`Request`) comes with six descriptors: what the child gets as stdin, stdout, stderr and working directory,
its leash, and its status socket. There the child says its pid, and whoever asked answers with what it is to be
(`Start`); if not, nobody wants the child any more. In the end the fork server says the exit status (negative: the
signal). Each is one line. The child keeps its end open as long as it lives, so that whoever asked sees the end of a
child also when the fork server has gone before.

Loading gRPC and the server takes longer than all that a server then does until it is ready. Each child is a process
like one that was started cold: of a session of its own, in the environment that was asked for, and without any gRPC
that ran before the fork, which gRPC would not survive. Only limits, umask and niceness are those of the fork server.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import shutil
import signal
import socket
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Self

from rescue_common.processes import parent_death

_LONGEST_REQUEST = 32 * 1024  # bytes; a path has at most 4096, each of which JSON may write with six
_DESCRIPTORS = 6
_ARGUMENTS_BEGIN, _ARGUMENTS_END = 45, 46  # in /proc/PID/stat, counted from behind the name


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a child needs before it is there: modules that are loaded, and a directory that goes with the parent."""

    modules: tuple[str, ...]
    directory: str

    def encode(self) -> bytes:
        """Return it as one message."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, message: bytes) -> Self:
        """Return what that message said."""
        return cls(**json.loads(message))


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a child is to be: the module that it runs as `python -m` does, and with what."""

    module: str
    arguments: tuple[str, ...]
    environment: dict[str, str]

    def encode(self) -> bytes:
        """Return it as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Self:
        """Return what that line said."""
        return cls(**json.loads(line))

    def run(self, lifeline: int) -> None:
        """Be the program that was asked for; returns or raises SystemExit when it has ended."""
        os.environ.clear()
        os.environ.update(self.environment)
        _show(self.module, self.arguments)
        for name in (self.module, f"{self.module}.__main__"):
            if not hasattr(sys.modules.get(name), "__path__"):
                sys.modules.pop(name, None)  # it was only loaded; now it is run
        parent_death.run(lifeline, "", self.module, self.arguments)


class Child:
    """This process as soon as it is a child: what it was given, and how it learns what to become."""

    def __init__(self, streams: tuple[int, int, int], place: int, lifeline: int, status: socket.socket) -> None:
        self._streams = streams
        self._place = place
        self._lifeline = lifeline
        self._status = status

    def live(self) -> None:
        """Become what is wanted; returns or raises SystemExit when that has ended."""
        os.setsid()  # who knows the pid may end the group
        _tell(self._status, os.getpid())
        line = b""
        with contextlib.suppress(ConnectionError), self._status.makefile("rb") as lines:
            line = lines.readline()
        if not line.endswith(b"\n"):
            return
        for number, descriptor in enumerate(self._streams):
            os.dup2(descriptor, number)
        os.fchdir(self._place)
        for descriptor in (*self._streams, self._place):
            os.close(descriptor)
        self._status.set_inheritable(False)
        Start.decode(line).run(self._lifeline)


class ForkServer:
    """The process that children are forked from."""

    def __init__(self, requests: socket.socket, lifeline: int) -> None:
        self._requests = requests
        self._lifeline = lifeline
        self._status: dict[int, socket.socket] = {}  # by pid, of all children that live
        self._directories: set[str] = set()
        self._stirred, self._stir = socket.socketpair()

    def run(self) -> Child | None:
        """Fork until the parent is gone: None. In a child: return that."""
        self._stir.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a signal that is ignored would not stir
        signal.set_wakeup_fd(self._stir.fileno(), warn_on_full_buffer=False)
        watch = select.poll()  # their numbers are the parent's, and may be too high for select()
        for watched in (self._stirred, self._requests, self._lifeline):
            watch.register(watched, select.POLLIN)
        gone = False
        while True:
            ready = {descriptor for descriptor, _ in watch.poll()}
            if self._stirred.fileno() in ready:
                self._stirred.recv(4096)
                self._tell_ended()
            if self._lifeline in ready:
                gone = True
                watch.unregister(self._lifeline)
                for pid in self._status:
                    os.kill(pid, signal.SIGCONT)  # one that was stopped would not notice
            if self._requests.fileno() in ready:  # also the last ones: they name directories
                if child := self._answer():
                    return child
            elif gone and not self._status:
                for directory in self._directories:
                    shutil.rmtree(directory, ignore_errors=True)
                return None

    def _answer(self) -> Child | None:
        message, descriptors, _, _ = socket.recv_fds(self._requests, _LONGEST_REQUEST, _DESCRIPTORS)
        request = Request.decode(message)
        if request.directory:
            self._directories.add(request.directory)
        pid = -1
        if len(descriptors) == _DESCRIPTORS:  # else too many files are open here
            _load(request.modules)
            with contextlib.suppress(OSError):  # no room for another process
                pid = os.fork()
        if pid == 0:
            self._leave()
            stdin, stdout, stderr, place, lifeline, status = descriptors
            return Child((stdin, stdout, stderr), place, lifeline, socket.socket(fileno=status))
        if pid > 0:
            self._status[pid] = socket.socket(fileno=descriptors.pop())
        for descriptor in descriptors:  # if there is no child, who asked sees his status socket closed
            os.close(descriptor)
        return None

    def _leave(self) -> None:
        """In a child: keep nothing of the fork server's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self._lifeline)
        for end in (self._requests, self._stirred, self._stir, *self._status.values()):
            end.close()

    def _tell_ended(self) -> None:
        for pid in list(self._status):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                with self._status.pop(pid) as told:
                    _tell(told, os.waitstatus_to_exitcode(status))


def _load(modules: Iterable[str]) -> None:
    # What cannot be loaded says so in the child, to whom it may concern.
    with contextlib.suppress(Exception):
        for name in modules:
            import_module(name)
    gc.collect()
    gc.freeze()  # the children share this memory as long as nobody writes into it


def _tell(status: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # who asked may not want to know any more
        status.sendall(b"%d\n" % number)


def _show(module: str, arguments: Iterable[str]) -> None:
    """Say in `ps` and `top` what this process is; as much as there is room for in place of the fork server's line."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(module.rpartition(".")[2], encoding="utf-8")
        fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
        begin, end = int(fields[_ARGUMENTS_BEGIN]), int(fields[_ARGUMENTS_END])
        shown = b"\0".join(map(os.fsencode, (module, *arguments)))[: end - begin - 1]
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(begin)
            memory.write(shown.ljust(end - begin, b"\0"))


def _open_stderr() -> None:
    # If the parent has none, the next file that is opened would be taken for it.
    try:
        os.fstat(2)
    except OSError:
        os.open(os.devnull, os.O_RDWR)


def main() -> None:
    """Be the fork server, or the child of it that comes out of the loop."""
    _open_stderr()
    requests, sender, lifeline = (int(argument) for argument in sys.argv[1:])
    with socket.socket(fileno=sender) as to_us:
        if child := ForkServer(socket.socket(fileno=requests), lifeline).run():
            from rescue_common.processes import forked

            forked.inherit(to_us)
            child.live()


if __name__ == "__main__":
    main()
