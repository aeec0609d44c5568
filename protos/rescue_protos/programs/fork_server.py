"""The process that warm programs are forked from: it loads their code once, and forks whenever one is wanted.

`python -P -m rescue_protos.programs.fork_server REQUESTS SENDER LEASH`: three descriptors. The first two are the ends
of one Unix socket: the fork server reads requests at the one and hands the other to its children, so that they can ask
for children as well. When LEASH reports the end of the parent (see `leash`) it ends; its children are on leashes of
their own. The parent's side is `forking`.

A request holds the names of the modules to load, and five descriptors: what the child gets as stdin, stdout and stderr,
its leash, and its status socket. There the child finds what it is to be (`Start`), and whoever asked reads two numbers,
a line each: the pid, and in the end the exit status (negative: the signal).

Loading gRPC and the server takes longer than all that a server then does until it is ready. Each child is a process
like one that was started cold: of a session of its own, in the environment that was asked for, and without any gRPC
that ran before the fork, which gRPC would not survive.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Self

from rescue_protos.programs import leash

_LONGEST_REQUEST = 4096  # bytes
_DESCRIPTORS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a child is to be: the module that it runs as `python -m` does, and with what.

    `directory` is what its leash removes if the parent is gone; `place` is the working directory.
    """

    module: str
    arguments: list[str]
    environment: dict[str, str]
    directory: str
    place: str

    def encode(self) -> bytes:
        """Return it as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, status: socket.socket) -> Self:
        """Read it off a status socket. Raises EOFError if the parent has gone instead."""
        with status.makefile("rb") as lines:
            line = lines.readline()
        if not line.endswith(b"\n"):
            raise EOFError("the parent is gone")
        return cls(**json.loads(line))

    def run(self, lifeline: int) -> None:
        """Be the program that was asked for; returns or raises SystemExit when it has ended."""
        os.setsid()
        os.chdir(self.place)
        os.environ.clear()
        os.environ.update(self.environment)
        with contextlib.suppress(OSError):  # what top and pgrep call it
            Path("/proc/self/comm").write_text(self.module.rpartition(".")[2], encoding="utf-8")
        for name in (self.module, f"{self.module}.__main__"):
            if not hasattr(sys.modules.get(name), "__path__"):
                sys.modules.pop(name, None)  # it was only loaded; now it is run
        leash.run(lifeline, self.directory, self.module, self.arguments)


class ForkServer:
    """The process that children are forked from."""

    def __init__(self, requests: socket.socket, lifeline: int) -> None:
        self._requests = requests
        self._lifeline = lifeline
        self._status: dict[int, socket.socket] = {}  # by pid, of all children that live
        self._stirred, self._stir = socket.socketpair()

    def run(self) -> tuple[Start, int] | None:
        """Fork until the parent is gone: None. In a child: return what it is to be, and its leash."""
        self._stir.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a signal that is ignored would not stir
        signal.set_wakeup_fd(self._stir.fileno(), warn_on_full_buffer=False)
        while True:
            watched: list[socket.socket | int] = [self._stirred, self._requests, self._lifeline]
            ready, _, _ = select.select(watched, [], [])
            if self._lifeline in ready:
                return None
            if self._stirred in ready:
                self._stirred.recv(4096)
                self._tell_ended()
            if self._requests in ready:
                names, descriptors, _, _ = socket.recv_fds(self._requests, _LONGEST_REQUEST, _DESCRIPTORS)
                if len(descriptors) < _DESCRIPTORS:  # too many files are open: who asked sees his socket closed
                    for descriptor in descriptors:
                        os.close(descriptor)
                    continue
                _load(names.decode().split())
                if child := self._fork(*descriptors):
                    return child

    def _fork(self, stdin: int, stdout: int, stderr: int, lifeline: int, told: int) -> tuple[Start, int] | None:
        status = socket.socket(fileno=told)
        with contextlib.ExitStack() as pipes:
            for descriptor in (stdin, stdout, stderr):
                pipes.callback(os.close, descriptor)
            try:
                pid = os.fork()
            except OSError as error:  # no room for another process: who asked sees his socket closed
                print(f"fork server: {error}", file=sys.stderr)
                pid = -1
            if pid == 0:
                self._leave()
                with status:
                    start = Start.read(status)
                for number, descriptor in enumerate((stdin, stdout, stderr)):
                    os.dup2(descriptor, number)
                return start, lifeline
        os.close(lifeline)
        if pid > 0:
            self._status[pid] = status
            _tell(status, pid)
        else:
            status.close()
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


def main() -> None:
    """Be the fork server, or the child of it that comes out of the loop."""
    requests, sender, lifeline = (int(argument) for argument in sys.argv[1:])
    to_us = socket.socket(fileno=sender)
    if child := ForkServer(socket.socket(fileno=requests), lifeline).run():
        from rescue_protos.programs import forking

        forking.inherit(to_us)
        start, held = child
        start.run(held)


if __name__ == "__main__":
    main()
