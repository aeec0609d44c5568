"""How long each applet counts as connected without a sign of life.

A lease runs while the session's link is connected: from the last heartbeat for the reconnect period. Heartbeats are
neither stored nor published; they only move a due time here. Before a link is lost, the applet gets a probe: one that
answers keeps its lease.

Source: "in Reconnecting status in one minute" (row 6).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(slots=True)
class Lease:
    """One lease."""

    renewed_at: datetime
    answers: int = 0
    confirmed_expired: bool = False


class Leases:
    """`period_of` gives a session's reconnect period, which an administrator may change while it runs."""

    def __init__(self, period_of: Callable[[str], timedelta]) -> None:
        self._period_of = period_of
        self._leases: dict[str, Lease] = {}
        # For each lease an element that is not too late, possibly too early: renewals do not touch the heap.
        self._heap: list[tuple[datetime, str]] = []

    def start(self, session: str, now: datetime) -> None:
        """Start the lease: the link is connected from now on."""
        self._leases[session] = Lease(renewed_at=now)
        heapq.heappush(self._heap, (now + self._period_of(session), session))

    def renew(self, session: str, now: datetime, *, answered: bool = False) -> bool:
        """Renew the lease at a sign of life. A renewal never shortens it. Return whether there was a lease.

        `answered`: it was sent after somebody asked. A mere heartbeat may have been under way before the cable was cut.
        """
        lease = self._leases.get(session)
        if lease is None:
            return False
        lease.renewed_at = max(lease.renewed_at, now)
        lease.answers += answered
        lease.confirmed_expired = False
        return True

    def extend(self, session: str, until: datetime) -> None:
        """Extend the lease as if the last sign of life had come at `until`."""
        lease = self._leases.get(session)
        if lease is not None:
            lease.renewed_at = max(lease.renewed_at, until)

    def end(self, session: str) -> Lease | None:
        """The link is not connected any more. Returns the lease that ended, if there was one."""
        return self._leases.pop(session, None)

    def put_back(self, session: str, lease: Lease) -> None:
        """It never ended: what should have ended it could not be stored. Its due time stays what it was."""
        self._leases[session] = lease
        heapq.heappush(self._heap, (lease.renewed_at + self._period_of(session), session))

    def answers(self, session: str) -> int:
        """How often the applet has answered; -1 if there is no lease."""
        lease = self._leases.get(session)
        return -1 if lease is None else lease.answers

    def confirm_expired(self, sessions: Iterable[str]) -> None:
        """Record that these applets did not answer: their leases may end at their due time."""
        for session in sessions:
            if session in self._leases:
                self._leases[session].confirmed_expired = True

    def is_confirmed_expired(self, session: str) -> bool:
        """Whether the session may lose its link at its due time."""
        lease = self._leases.get(session)
        return lease is not None and lease.confirmed_expired

    def period(self, session: str) -> timedelta:
        """The session's reconnect period now."""
        return self._period_of(session)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._leases))

    def due(self, session: str) -> datetime | None:
        """When the lease runs out; None if there is none."""
        lease = self._leases.get(session)
        return None if lease is None else lease.renewed_at + self._period_of(session)

    def first(self) -> tuple[datetime, str] | None:
        """The lease that runs out first, and when."""
        while self._heap:
            noted, session = self._heap[0]
            due = self.due(session)
            if due is None:
                heapq.heappop(self._heap)
            elif due > noted:
                heapq.heapreplace(self._heap, (due, session))
            else:
                return due, session
        return None

    def within(self, moment: datetime) -> list[str]:
        """Return the sessions whose leases run out by a moment, soonest first."""
        dues = ((self.due(session), session) for session in self._leases)
        return [session for due, session in sorted((d, s) for d, s in dues if d is not None) if due <= moment]

    def refresh(self) -> None:
        """A period was changed: dates may be earlier than noted."""
        self._heap = [(lease.renewed_at + self._period_of(session), session) for session, lease in self._leases.items()]
        heapq.heapify(self._heap)
