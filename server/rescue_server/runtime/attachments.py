"""The applets that are attached now, and the orders on their way to them.

An attachment is a connection, not a fact about the session: it may break at any moment without anything being shown.
The lease alone judges the link.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

OUTBOX = 256


@dataclass(frozen=True, slots=True)
class Probe:
    """Answer now."""

    number: int


@dataclass(frozen=True, slots=True)
class RebootNow:
    """Reboot the computer."""

    order: str
    technician: str


@dataclass(frozen=True, slots=True)
class ChatShown:
    """A chat line for the customer's window."""

    technician: str
    text: str
    revision: int


@dataclass(frozen=True, slots=True)
class ViewChanged:
    """The session looks different to the customer."""


@dataclass(frozen=True, slots=True)
class SessionOver:
    """The session ended. Nothing follows."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A newer attachment has this one's place. Nothing follows."""


@dataclass(frozen=True, slots=True)
class HeartbeatHeard:
    """Answers a heartbeat."""

    number: int


@dataclass(frozen=True, slots=True)
class ReportStored:
    """Answers a report; `refusal` says why it could not be stored for good."""

    request_id: str
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The link was lost: orders that are still on their way are not to be carried out. Nothing follows."""


@dataclass(frozen=True, slots=True)
class ServerLeaves:
    """The server shuts down. Nothing follows."""


Order = (
    HeartbeatHeard
    | ReportStored
    | GivenUp
    | ServerLeaves
    | Probe
    | RebootNow
    | ChatShown
    | ViewChanged
    | SessionOver
    | TakenOver
)


@dataclass(slots=True, eq=False)
class Attachment:
    """One applet's connection: an outbox that its writer empties."""

    session: str
    instance: str
    attempt: int
    outbox: deque[Order] = field(default_factory=lambda: deque(maxlen=OUTBOX))
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, order: Order) -> None:
        """Put an order into the outbox. A full one loses its oldest: its reader is gone or stuck."""
        self.outbox.append(order)
        self.news.set()


class Attachments:
    """By session; at most one each."""

    def __init__(self) -> None:
        self._current: dict[str, Attachment] = {}
        self._probes = 0

    def take_place(self, session: str, instance: str, attempt: int) -> Attachment | None:
        """Attach. The newer wins and the older is told; None if this one is itself the older.

        Of two attachments of one applet process the higher attempt is the newer: a connection that was held up on its
        way must not displace its successor.
        """
        other = self._current.get(session)
        if other is not None:
            if other.instance == instance and other.attempt > attempt:
                return None
            other.send(TakenOver())
        mine = Attachment(session=session, instance=instance, attempt=attempt)
        self._current[session] = mine
        return mine

    def leave(self, attachment: Attachment) -> None:
        """The connection is gone."""
        if self._current.get(attachment.session) is attachment:
            del self._current[attachment.session]

    def is_current(self, attachment: Attachment) -> bool:
        """Whether no newer one has taken its place."""
        return self._current.get(attachment.session) is attachment

    def of(self, session: str) -> Attachment | None:
        """The session's attachment, if there is one."""
        return self._current.get(session)

    def probe(self, session: str) -> None:
        """Send a barrier: the applet is to answer now."""
        if (attachment := self._current.get(session)) is not None:
            self._probes += 1
            attachment.send(Probe(self._probes))

    def send_to_all(self, order: Order) -> None:
        """Send an order to every attached applet."""
        for attachment in self._current.values():
            attachment.send(order)

    def __len__(self) -> int:
        return len(self._current)
