"""What a server that follows sends to the leader and gets from it, over the link that there is at the moment."""

from __future__ import annotations

from collections.abc import Callable

from rescue_protos.v1 import cluster_pb2
from rescue_server.cluster.link_outbox import LinkOutbox

OnMessage = Callable[[cluster_pb2.LinkResponse], None]


class Uplink:
    """The link of one server, now there and now not. Who listens must not wait."""

    def __init__(self) -> None:
        self._outbox: LinkOutbox[cluster_pb2.LinkRequest] | None = None
        self._on: dict[str, OnMessage] = {}
        self._on_open: list[Callable[[], None]] = []
        self._on_end: list[Callable[[], None]] = []

    @property
    def is_open(self) -> bool:
        """Whether there is a link."""
        return self._outbox is not None

    def on(self, kind: str, listener: OnMessage) -> None:
        """Call this for each message of a kind, the field of the contract."""
        self._on[kind] = listener

    def on_open(self, listener: Callable[[], None]) -> None:
        """Call this when there is a link: the leader knows nothing of this server yet."""
        self._on_open.append(listener)

    def on_end(self, listener: Callable[[], None]) -> None:
        """Call this when the link has ended: answers do not come any more."""
        self._on_end.append(listener)

    def send(self, message: cluster_pb2.LinkRequest) -> bool:
        """Send a message; return whether there is a link to send it over."""
        if self._outbox is None:
            return False
        self._outbox.send(message)
        return True

    def opened(self, outbox: LinkOutbox[cluster_pb2.LinkRequest]) -> None:
        """There is a link, which sends what is in this outbox."""
        self._outbox = outbox
        for listener in self._on_open:
            listener()

    def ended(self) -> None:
        """The link has ended."""
        if self._outbox is not None:
            self._outbox = None
            for listener in self._on_end:
                listener()

    def received(self, message: cluster_pb2.LinkResponse) -> None:
        """Give a message to who listens to its kind."""
        if (listener := self._on.get(message.WhichOneof("content") or "")) is not None:
            listener(message)
