"""The schedule of a live server: deadlines and leases, as the sessions and the settings make them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import islice

from msgspec.structs import replace

from rescue_common.emulated_time import later
from rescue_server.clock import ServerClock
from rescue_server.core.decide import on_due
from rescue_server.core.organization import OrganizationEvent
from rescue_server.core.session import Session
from rescue_server.core.status import Link
from rescue_server.core.timers import DeadlineKind, SessionDeadline, deadlines
from rescue_server.runtime.idempotency import Request
from rescue_server.runtime.schedule.changed_settings import concerned_sessions
from rescue_server.runtime.schedule.deadlines import DeadlineQueue
from rescue_server.runtime.schedule.leases import Lease, Leases
from rescue_server.runtime.state import AnyEvent, AppliedEvent, EngineState, EngineStates


class LiveSchedule:
    """The deadlines of the sessions in the state ahead, or in the published one if prepared. Implements Schedule."""

    def __init__(self, clock: ServerClock, states: EngineStates) -> None:
        self._clock = clock
        self._states = states
        self.deadlines = DeadlineQueue()
        self.leases = Leases(self._reconnect_period)
        self.changed = asyncio.Event()
        self._listeners: list[Callable[[str], None]] = []
        self._organized_at: datetime | None = None  # when the organization last changed
        self._organization = states.ahead.organization  # with which the deadlines were computed
        self._out_of_date: dict[str, None] = {}  # sessions whose deadlines a change has made so
        self._expected: datetime | None = None
        self._ended: dict[str, Lease] = {}  # leases that ended by events that are not stored yet
        self._is_prepared = False  # another server decides, and only the deadlines are kept

    def expect(self, moment: datetime | None) -> None:
        """Set `changed` only if something falls due before this moment; None: whenever a deadline is computed.

        Most commands move deadlines to a later time. They need not wake who sleeps until the first one.
        """
        self._expected = moment

    def accepts(self, request: Request | None) -> bool:
        """Accept every request."""
        return True

    def prepare(self) -> None:
        """Compute the deadlines while another server decides: `record` then keeps them, and `start` need not."""
        self._is_prepared = True
        self._organization = self._state.organization
        for session in self._state.sessions.unpacked():
            self._update(session)

    def start(self) -> None:
        """Begin every lease anew: nobody lost a network because the server was away."""
        was_prepared, self._is_prepared = self._is_prepared, False
        self._organization = self._state.organization
        sessions, now = list(self._state.sessions.unpacked()), self._clock.now()
        if not was_prepared:
            for session in sessions:
                self._update_deadlines(session)
        self.leases.begin((session.id, max(now, session.link_since)) for session in sessions if _is_leased(session))
        self.changed.set()

    def on_expired_lease(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with the session whose lease ran out before it was confirmed as expired."""
        self._listeners.append(listener)

    def next_deadline(self) -> SessionDeadline | None:
        """Return what is due first, an expiring lease included."""
        self._refresh_all()
        found = [deadline for deadline in (self.deadlines.first(), self._first_lease()) if deadline is not None]
        return min(found, default=None)

    def take_due(self, now: datetime) -> Sequence[AnyEvent] | None:
        """Return the events of the first deadline up to `now`.

        None at a lease that ran out and is not confirmed as expired: the listener then holds the clock there.
        """
        if not self._is_due(now) or (deadline := self.next_deadline()) is None or deadline.due > now:
            return None
        if deadline.kind is DeadlineKind.RECONNECTING and not self.leases.is_confirmed_expired(deadline.session):
            for listener in self._listeners:
                listener(deadline.session)
            return None
        ahead = self._states.ahead
        # What was past before it could be due (a changed setting, a lease that waited for its probe) is due now.
        at = max(deadline.due, ahead.at or deadline.due)
        return on_due(ahead.sessions[deadline.session], replace(deadline, due=at))

    def _is_due(self, now: datetime) -> bool:
        """Whether a deadline may be due: a quick look before each command."""
        self._refresh_all()
        first = self.deadlines.first()
        return (first is not None and first.due <= now) or self.leases.any_due(now)

    def record(self, applied: AppliedEvent) -> None:
        """Follow an event that was applied to the state ahead."""
        if applied.after is not None:
            if (ended := self._update(applied.after)) is not None:
                self._ended[applied.after.id] = ended
        elif isinstance(applied.event, OrganizationEvent):
            self._organized_at = applied.event.at
            self.organization_changed()

    def confirm(self, applied: AppliedEvent) -> None:
        """Forget a lease whose end is stored now."""
        if applied.after is not None and not _is_leased(applied.after):
            self._ended.pop(applied.after.id, None)

    def set_back(self, session_id: str, published: Session | None) -> None:
        """Undo what was recorded of a session since it was published. Its lease keeps its due time."""
        self.changed.set()
        lease = self._ended.pop(session_id, None)
        self.deadlines.replace(session_id, [])
        if published is None:
            self.leases.end(session_id)
            return
        if lease is not None and _is_leased(published):
            self.leases.put_back(session_id, lease)
        self._update(published)

    def organization_changed(self) -> None:
        """Compute deadlines again that depend on what has changed: by `refresh`, or when they are asked for."""
        state = self._state
        self._out_of_date.update(dict.fromkeys(concerned_sessions(state, self._organization)))
        self._organization = state.organization
        self.changed.set()

    @property
    def is_out_of_date(self) -> bool:
        """Whether a change has made deadlines out of date that are not computed again yet."""
        return bool(self._out_of_date)

    def refresh(self, at_most: int) -> bool:
        """Compute again the deadlines of so many sessions that are out of date; return whether more are."""
        if self._out_of_date:
            self.changed.set()
        for session_id in list(islice(self._out_of_date, at_most)):
            del self._out_of_date[session_id]
            if (session := self._state.sessions.get(session_id)) is not None:
                self._update(session)
                self.leases.refresh(session_id)
        return bool(self._out_of_date)

    def _refresh_all(self) -> None:
        # Whoever asks for the next deadline must get the right one, also in between.
        if self._out_of_date:
            self.refresh(len(self._out_of_date))

    def _update(self, session: Session) -> Lease | None:
        """Compute the session's deadlines and lease anew. Returns the lease that ended, if one did."""
        self._update_deadlines(session)
        if self._is_prepared:
            return None
        if not _is_leased(session):
            return self.leases.end(session.id)
        if self.leases.due(session.id) is None:
            self.leases.start(session.id, max(self._clock.now(), session.link_since))
            self.changed.set()
        return None

    def _update_deadlines(self, session: Session) -> None:
        state = self._state
        current = [_not_before(state.at, deadline) for deadline in deadlines(session, state.organization)]
        self.deadlines.replace(session.id, current)
        if self._expected is None or any(deadline.due < self._expected for deadline in current):
            self.changed.set()

    @property
    def _state(self) -> EngineState:
        return self._states.published if self._is_prepared else self._states.ahead

    def _first_lease(self) -> SessionDeadline | None:
        # For a real second: else the clock would be woken for each lease that was renewed meanwhile.
        first = self.leases.first(later(self._clock.now(), timedelta(seconds=self._clock.speed)))
        if first is None:
            return None
        due, session = first
        deadline = SessionDeadline(due, DeadlineKind.RECONNECTING, "", session, self._reconnect_period(session))
        return _not_before(self._organized_at, deadline)

    def _reconnect_period(self, session_id: str) -> timedelta:
        ahead = self._states.ahead
        session = ahead.sessions.get(session_id) or self._states.published.sessions[session_id]
        return ahead.organization.settings_of(session.owner).reconnect_period


def _not_before(moment: datetime | None, deadline: SessionDeadline) -> SessionDeadline:
    """A deadline that a change of the settings or of the link finds overdue is due now: never in the past."""
    return deadline if moment is None or moment <= deadline.due else replace(deadline, due=moment)


def _is_leased(session: Session) -> bool:
    return session.link is Link.CONNECTED and session.ended_at is None
