"""The servers that are linked to this one while it leads, and what they send."""

from __future__ import annotations

import time
from collections.abc import Callable

from rescue_protos.v1 import cluster_pb2
from rescue_server.cluster.link_outbox import LinkOutbox


class LinkedServer:
    """One link. `instance` is another one for each process of the server `name`."""

    def __init__(self, name: str, address: str, instance: str) -> None:
        self.name = name
        self.address = address
        self.instance = instance
        self.outbox: LinkOutbox[cluster_pb2.LinkResponse] = LinkOutbox()
        self._heard_at = time.monotonic()

    def record_sign_of_life(self) -> None:
        """It gave a sign of life; it does several times a second."""
        self._heard_at = time.monotonic()

    def silence(self) -> float:
        """Return for how many real seconds it has said nothing."""
        return time.monotonic() - self._heard_at

    def send(self, message: cluster_pb2.LinkResponse) -> None:
        """Send a message; without effect once the link has ended."""
        self.outbox.send(message)


OnMessage = Callable[[LinkedServer, cluster_pb2.LinkRequest], None]
OnLink = Callable[[LinkedServer], None]


class LinkedServers:
    """All links. Who listens must not wait."""

    def __init__(self) -> None:
        self.open: list[LinkedServer] = []
        self._on: dict[str, OnMessage] = {}
        self._on_open: list[OnLink] = []
        self._on_end: list[OnLink] = []

    def on(self, kind: str, listener: OnMessage) -> None:
        """Call this for each message of a kind, the field of the contract."""
        self._on[kind] = listener

    def on_open(self, listener: OnLink) -> None:
        """Call this when a server has linked."""
        self._on_open.append(listener)

    def on_end(self, listener: OnLink) -> None:
        """Call this when a link has ended."""
        self._on_end.append(listener)

    def opened(self, server: LinkedServer) -> None:
        """A server has proved itself."""
        self.open.append(server)
        for listener in self._on_open:
            listener(server)

    def ended(self, server: LinkedServer) -> None:
        """The link has ended."""
        self.open.remove(server)
        for listener in self._on_end:
            listener(server)

    def received(self, server: LinkedServer, message: cluster_pb2.LinkRequest) -> None:
        """Give a message to who listens to its kind; a newer server may send kinds that nobody knows here."""
        if (listener := self._on.get(message.WhichOneof("content") or "")) is not None:
            listener(server, message)

    def wake(self) -> None:
        """Have the news told to all, because they have changed."""
        for server in self.open:
            server.outbox.wake()
