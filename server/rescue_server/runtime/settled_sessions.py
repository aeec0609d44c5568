"""The sessions of which nothing is left to happen, in the orders in which they may be forgotten."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime

from rescue_server.core.session import Session


class SettledSessions:
    """Since when each session is settled, in real seconds, and which of them ended first.

    To add one, or to find those that may go, costs nothing for the others.
    """

    def __init__(self) -> None:
        self._since: dict[str, float] = {}  # in this order
        self._by_end: list[tuple[datetime, int]] = []  # a heap, also of some that are here no more

    def __len__(self) -> int:
        return len(self._since)

    def add(self, session: Session, now: float) -> None:
        """Note that a session is settled, unless that is known."""
        if session.id not in self._since:
            self._since[session.id] = now
            heapq.heappush(self._by_end, (session.ended_at or session.created_at, int(session.id)))

    def discard(self, session_id: str) -> None:
        """The session is not settled, or was forgotten."""
        self._since.pop(session_id, None)

    def due(
        self, *, ended_by: datetime, settled_by: float, most: int, known_by: float, at_once: int
    ) -> dict[str, bool]:
        """Return the sessions that may go: they ended or were settled by then, or are the oldest of more than `most`.

        None of them was settled after `known_by`. The value says whether only their number is the reason. Returns
        at most `at_once` of them: there may be half a million.
        """
        found: dict[str, bool] = {}
        seen: list[tuple[datetime, int]] = []
        for entry in self._oldest(seen):
            if len(found) == at_once or (entry[0] > ended_by and len(self._since) - len(found) <= most):
                break
            if self._since[str(entry[1])] <= known_by:
                found[str(entry[1])] = entry[0] > ended_by
        for entry in seen:
            heapq.heappush(self._by_end, entry)
        if len(self._by_end) > 64 + 2 * len(self._since):  # most of them were forgotten
            self._by_end = [entry for entry in self._by_end if str(entry[1]) in self._since]
            heapq.heapify(self._by_end)
        for session_id, since in self._since.items():
            if since > min(settled_by, known_by) or len(found) >= at_once:
                break
            found[session_id] = False
        return found

    def _oldest(self, seen: list[tuple[datetime, int]]) -> Iterator[tuple[datetime, int]]:
        """Yield the sessions that ended first; they are taken out of the heap into `seen`."""
        while self._by_end:
            entry = heapq.heappop(self._by_end)
            if str(entry[1]) in self._since and (not seen or seen[-1] != entry):
                seen.append(entry)
                yield entry
