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
from datetime import UTC, datetime, timedelta

from rescue_common.emulated_time import later


@dataclass(slots=True)
class Lease:
    """One lease. `probed_at`: when a probe was sent that is not answered yet, in attentive seconds.

    `placed_at`: the due time under which the lease stands in its order. It is not too late, possibly too early:
    renewals do not touch the order.
    """

    renewed_at: datetime
    confirmed_expired: bool = False
    probed_at: float | None = None
    placed_at: datetime | None = None


class _Order:
    """Sessions by due time, soonest first. `due` gives a session's due time; None if it does not belong here."""

    def __init__(self, leases: dict[str, Lease], due: Callable[[str], datetime | None]) -> None:
        self._leases = leases
        self._due = due
        self._heap: list[tuple[datetime, str]] = []

    def add(self, session: str, due: datetime) -> None:
        """Place a session; its earlier place does not count any more."""
        self._leases[session].placed_at = due
        heapq.heappush(self._heap, (due, session))

    def add_many(self, placed: Iterable[tuple[datetime, str]]) -> None:
        """Place many sessions at the due times that their leases have noted."""
        self._heap.extend(placed)
        heapq.heapify(self._heap)

    def first(self, through: datetime) -> tuple[datetime, str] | None:
        """Return the one that is due first, and when: exactly up to `through`, perhaps too early after that.

        Each renewed one is put to its new place once a period, when its old place comes up, and not all at once.
        """
        while self._heap:
            placed_at, session = self._heap[0]
            due = self._due(session)
            if due is None or self._leases[session].placed_at != placed_at:
                heapq.heappop(self._heap)
            elif due > placed_at and placed_at <= through:
                self._leases[session].placed_at = due
                heapq.heapreplace(self._heap, (due, session))
            else:
                return placed_at, session
        return None

    def within(self, moment: datetime) -> list[tuple[datetime, str]]:
        """Return those that are due by a moment, soonest first. Costs as much as there are of them."""
        found: list[tuple[datetime, str]] = []
        while (first := self.first(moment)) is not None and first[0] <= moment:
            heapq.heappop(self._heap)
            if not found or found[-1] != first:  # one that left and came back may stand there twice
                found.append(first)
        for each in found:
            heapq.heappush(self._heap, each)
        return found


class Leases:
    """`period_of` gives a session's reconnect period, which an administrator may change while it runs."""

    def __init__(self, period_of: Callable[[str], timedelta]) -> None:
        self._period_of = period_of
        self._leases: dict[str, Lease] = {}
        # The leases with an open probe stand apart, so that the others have a first one.
        self._unprobed = _Order(self._leases, lambda session: self._due_if(session, probed=False))
        self._probed = _Order(self._leases, lambda session: self._due_if(session, probed=True))

    def begin(self, sessions: Iterable[tuple[str, datetime]]) -> None:
        """Start the leases of many sessions, each from its moment on. Costs less than to start one after the other."""

        def placed() -> Iterator[tuple[datetime, str]]:
            for session, now in sessions:
                due = later(now, self._period_of(session))
                self._leases[session] = Lease(renewed_at=now, placed_at=due)
                yield due, session

        self._unprobed.add_many(placed())

    def start(self, session: str, now: datetime) -> None:
        """Start the lease: the link is connected from now on."""
        self._put(session, Lease(renewed_at=now))

    def renew(self, session: str, now: datetime) -> bool:
        """Renew the lease at a sign of life. A renewal never shortens it. Return whether there was a lease."""
        lease = self._leases.get(session)
        if lease is None:
            return False
        lease.renewed_at = max(lease.renewed_at, now)
        lease.confirmed_expired = False
        if lease.probed_at is not None:
            lease.probed_at = None
            self._place(session)
        return True

    def extend(self, session: str, until: datetime) -> None:
        """Extend the lease as if the last sign of life had come at `until`.

        Its place is changed at once: if all places came up in one turn, that turn would be long.
        """
        lease = self._leases.get(session)
        if lease is not None and until > lease.renewed_at:
            lease.renewed_at = until
            self._place(session)

    def shorten(self, session: str, until: datetime) -> None:
        """Take an extension back: the applet is known to be alive at `until`, and not beyond."""
        lease = self._leases.get(session)
        if lease is not None and until < lease.renewed_at:
            lease.renewed_at = until
            self._place(session)

    def end(self, session: str) -> Lease | None:
        """The link is not connected any more. Returns the lease that ended, if there was one."""
        return self._leases.pop(session, None)

    def put_back(self, session: str, lease: Lease) -> None:
        """It never ended: what should have ended it could not be stored. Its due time stays what it was."""
        self._put(session, lease)

    def probe(self, session: str, at: float) -> bool:
        """Record that a probe goes out, unless one is open or there is no lease. Return whether it was recorded."""
        lease = self._leases.get(session)
        if lease is None or lease.probed_at is not None:
            return False
        lease.probed_at = at
        self._place(session)
        return True

    def probed_at(self, session: str) -> float | None:
        """When the open probe was sent, in attentive seconds; None if none is open."""
        lease = self._leases.get(session)
        return None if lease is None else lease.probed_at

    def close_probe(self, session: str) -> None:
        """The open probe was judged: the next one is a new one."""
        lease = self._leases.get(session)
        if lease is not None and lease.probed_at is not None:
            lease.probed_at = None
            self._place(session)

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
        return None if lease is None else later(lease.renewed_at, self._period_of(session))

    def first(self, through: datetime) -> tuple[datetime, str] | None:
        """Return the lease that runs out first, and when: exactly up to `through`, perhaps too early after that."""
        orders = (self._unprobed, self._probed)
        return min((first for order in orders if (first := order.first(through)) is not None), default=None)

    def any_due(self, moment: datetime) -> bool:
        """Whether a lease runs out by a moment."""
        for order in (self._unprobed, self._probed):
            if (first := order.first(moment)) is not None and first[0] <= moment:
                return True
        return False

    def first_unprobed(self, through: datetime) -> tuple[datetime, str] | None:
        """Return the same of those without an open probe."""
        return self._unprobed.first(through)

    def any_probed(self) -> bool:
        """Whether a probe is open."""
        return self._probed.first(datetime.min.replace(tzinfo=UTC)) is not None

    def within(self, moment: datetime) -> list[str]:
        """Return the sessions whose leases run out by a moment, soonest first."""
        found = heapq.merge(self._unprobed.within(moment), self._probed.within(moment))
        return [session for _, session in found]

    def refresh(self, session: str) -> None:
        """The session's period was changed: the lease may run out earlier than noted."""
        if session in self._leases:
            self._place(session)

    def _put(self, session: str, lease: Lease) -> None:
        self._leases[session] = lease
        self._place(session)

    def _place(self, session: str) -> None:
        lease = self._leases[session]
        order = self._unprobed if lease.probed_at is None else self._probed
        order.add(session, later(lease.renewed_at, self._period_of(session)))

    def _due_if(self, session: str, *, probed: bool) -> datetime | None:
        lease = self._leases.get(session)
        if lease is None or (lease.probed_at is not None) is not probed:
            return None
        return later(lease.renewed_at, self._period_of(session))
