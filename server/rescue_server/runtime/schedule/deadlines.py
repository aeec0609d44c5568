"""The next thing that falls due, over all sessions.

Each session's deadlines are computed anew whenever something happened to it (`core/timers.py`); this keeps them in one
order and forgets what is out of date.
"""

from __future__ import annotations

import heapq

from rescue_server.core.timers import SessionDeadline


class DeadlineQueue:
    """Deadlines of all sessions, soonest first; for the same instant in the order of their kinds."""

    def __init__(self) -> None:
        self._current: dict[str, frozenset[SessionDeadline]] = {}
        self._heap: list[SessionDeadline] = []
        self._count = 0  # of those that are current

    def replace(self, session: str, deadlines: list[SessionDeadline]) -> None:
        """Replace the session's deadlines with these."""
        known = self._current.get(session, frozenset())
        current = frozenset(deadlines)
        for deadline in current - known:
            heapq.heappush(self._heap, deadline)
        if current:
            self._current[session] = current
        else:
            self._current.pop(session, None)
        self._count += len(current) - len(known)
        if len(self._heap) > 64 + 4 * self._count:
            self._heap = [deadline for known in self._current.values() for deadline in known]
            heapq.heapify(self._heap)

    def first(self) -> SessionDeadline | None:
        """The deadline that comes first; None if there is none."""
        while self._heap:
            deadline = self._heap[0]
            if deadline in self._current.get(deadline.session, ()):
                return deadline
            heapq.heappop(self._heap)
        return None
