"""The applets that are attached now, and the orders on their way to them.

An attachment is a connection, not a fact about the session: it may break at any moment without anything being shown.
Only the lease decides whether the link is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rescue_server.runtime.applet_orders import Order, Probe, TakenOver, ViewChanged, orders_of
from rescue_server.runtime.chat_log import MOST_KEPT
from rescue_server.runtime.state import AppliedEvent

# Room for all chat lines that a computer may not have confirmed, twice: those of before and after it attached.
OUTBOX = 2 * MOST_KEPT + 256


@dataclass(slots=True, eq=False)
class AppletConnection:
    """One applet's connection: an outbox, and whom to wake when something is put into it."""

    session: str
    instance: str
    attempt: int
    outbox: list[Order] = field(default_factory=list)  # of most applets it stays empty: a deque has room for 64
    wake: Callable[[], None] | None = None

    def send(self, order: Order) -> None:
        """Put an order into the outbox. A full one loses its oldest: its reader is gone or stuck."""
        if len(self.outbox) == OUTBOX:
            del self.outbox[0]
        self.outbox.append(order)
        if self.wake is not None:
            self.wake()


class Attachments:
    """The attachments by session; at most one each."""

    def __init__(self) -> None:
        self._current: dict[str, AppletConnection] = {}
        self._probes = 0
        self._on_leave: list[Callable[[str], None]] = []

    def take_place(self, session: str, instance: str, attempt: int) -> AppletConnection | None:
        """Attach an applet: the newer attachment wins, the older gets an order to leave. None: this one is older.

        Of two attachments of one applet process the higher attempt is the newer: a connection that was held up on its
        way must not displace its successor.
        """
        other = self._current.get(session)
        if other is not None:
            if other.instance == instance and other.attempt > attempt:
                return None
            other.send(TakenOver())
        mine = AppletConnection(session=session, instance=instance, attempt=attempt)
        self._current[session] = mine
        return mine

    def leave(self, attachment: AppletConnection) -> None:
        """Remove the attachment of a connection that ended."""
        if self._current.get(attachment.session) is attachment:
            del self._current[attachment.session]
            for listener in self._on_leave:
                listener(attachment.session)

    def on_leave(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with the session whose attachment ended."""
        self._on_leave.append(listener)

    def is_current(self, attachment: AppletConnection) -> bool:
        """Whether no newer attachment has replaced it."""
        return self._current.get(attachment.session) is attachment

    def of(self, session: str) -> AppletConnection | None:
        """The session's attachment, if there is one."""
        return self._current.get(session)

    def probe(self, session: str) -> None:
        """Send a probe: the applet must answer now."""
        if (attachment := self._current.get(session)) is not None:
            self._probes += 1
            attachment.send(Probe(self._probes))

    def send_to_all(self, order: Order) -> None:
        """Send an order to every attached applet."""
        for attachment in self._current.values():
            attachment.send(order)

    def on_applied(self, applied: AppliedEvent) -> None:
        """Send the applets what a published event means for them. A change of the organization may concern any view."""
        if applied.after is None:
            self.send_to_all(ViewChanged())
            return
        attachment = self.of(applied.after.id)
        if attachment is not None:
            for order in orders_of(applied):
                attachment.send(order)

    def __len__(self) -> int:
        return len(self._current)
