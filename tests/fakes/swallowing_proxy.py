"""A TCP proxy that can swallow what one side sends, as a network that fails in one direction does."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor


class SwallowingProxy:
    """Carries connections to a port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self.swallows_answers = False
        self.swallows_requests = False
        self.alter_answer: Callable[[bytes], bytes] = lambda data: data
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def heal(self) -> None:
        """Carry everything from now on, for new connections: the old ones lack what was swallowed."""
        self.swallows_answers = self.swallows_requests = False
        self._end_connections()

    def close(self) -> None:
        """Accept nothing any more, and end what is open."""
        _shut(self._listening)
        self._end_connections()
        self._accepting.join()

    def _end_connections(self) -> None:
        for one in self._open:
            _shut(one)
        self._open.clear()

    def _accept(self) -> None:
        with self._listening, contextlib.suppress(OSError), ThreadPoolExecutor(64) as threads:
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                self._open += [client, server]
                threads.submit(self._serve, client, server, threads)

    def _serve(self, client: socket.socket, server: socket.socket, threads: ThreadPoolExecutor) -> None:
        with client, server:
            back = threads.submit(self._carry, server, client, "swallows_answers", self.alter_answer)
            self._carry(client, server, "swallows_requests", lambda data: data)
            back.result()

    def _carry(
        self, source: socket.socket, target: socket.socket, swallows: str, alter: Callable[[bytes], bytes]
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not getattr(self, swallows):
                    target.sendall(alter(data))
        _shut(source)
        _shut(target)


def _shut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def swallowing_proxy(address: str) -> Iterator[SwallowingProxy]:
    """Have a proxy to HOST:PORT of this machine for the length of the block."""
    proxy = SwallowingProxy(int(address.rpartition(":")[2]))
    try:
        yield proxy
    finally:
        proxy.close()
