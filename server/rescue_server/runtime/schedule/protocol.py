"""What the engine asks of a schedule: which events the passing of time causes, and whether requests are accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from rescue_server.core.session import Session
from rescue_server.core.timers import SessionDeadline
from rescue_server.runtime.idempotency import Request
from rescue_server.runtime.schedule.leases import Leases
from rescue_server.runtime.state import AnyEvent, AppliedEvent


class Schedule(Protocol):
    """`LiveSchedule` computes deadlines; `ReplaySchedule` reads them from a journal."""

    leases: Leases
    changed: asyncio.Event
    """Set when something may fall due earlier than its follower expects."""

    def expect(self, moment: datetime | None) -> None:
        """Set `changed` only if something falls due before this moment; None: whenever a deadline is computed."""

    def accepts(self, request: Request | None) -> bool:
        """Whether a handler may run; None is the server's own. Raises RescueError to refuse a request."""

    def prepare(self) -> None:
        """Keep what `start` needs while another server decides: `record` gets what that has stored."""

    def start(self) -> None:
        """Begin with the sessions that the journal has left."""

    def next_deadline(self) -> SessionDeadline | None:
        """Return what is due first, an expiring lease included."""

    def take_due(self, now: datetime) -> Sequence[AnyEvent] | None:
        """Return the events of the first deadline up to `now`; None if there is none, or if it has to wait."""

    def record(self, applied: AppliedEvent) -> None:
        """Follow an event that was applied to the state ahead; after `prepare`, to the published one."""

    def confirm(self, applied: AppliedEvent) -> None:
        """Follow an event that was stored and published."""

    def set_back(self, session_id: str, published: Session | None) -> None:
        """Undo what was recorded of a session since it was published; None: it never was."""

    def organization_changed(self) -> None:
        """Compute deadlines again that depend on what has changed: by `refresh`, or when they are asked for."""

    def refresh(self, at_most: int) -> bool:
        """Compute again the deadlines of so many sessions that are out of date; return whether more are."""

    @property
    def is_out_of_date(self) -> bool:
        """Whether a change has made deadlines out of date that are not computed again yet."""

    def on_expired_lease(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with the session whose lease ran out before it was confirmed as expired."""
