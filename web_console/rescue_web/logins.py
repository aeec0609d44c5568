"""Who is signed in: a random cookie for each browser, and what belongs to it.

A visit knows its user's secret, in memory alone: the companion signs in for him again when a token expires. A page
proves with a second value, which only our own pages can read, that a request comes from it and not from elsewhere.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from rescue_web.supervisor_page import Supervision
from rescue_web.technician_page import Desk

COOKIE = "rescue_visit"
LASTS = 12 * 3600.0
"""Real seconds after the last request."""
MOST = 200


@dataclass(slots=True, kw_only=True)
class Visit:
    """One browser of one user: a technician with a desk, or an administrator who supervises."""

    key: str
    proof: str
    user: str
    desk: Desk | None = None
    supervision: Supervision | None = None
    last_seen: float = 0.0

    async def close(self) -> None:
        """Leave."""
        for one in (self.desk, self.supervision):
            if one is not None:
                await one.close()


class Visits:
    """All visits, the longest unseen first. `clock` is real and monotonic, in seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._visits: dict[str, Visit] = {}

    async def begin(self, user: str, *, desk: Desk | None = None, supervision: Supervision | None = None) -> Visit:
        """Begin a visit; visits that are over, or too many, end."""
        await self._tidy()
        visit = Visit(
            key=secrets.token_urlsafe(32),
            proof=secrets.token_urlsafe(32),
            user=user,
            desk=desk,
            supervision=supervision,
            last_seen=self._clock(),
        )
        self._visits[visit.key] = visit
        return visit

    def find(self, key: str) -> Visit | None:
        """Return the visit that a cookie names, if it is not over."""
        visit = self._visits.pop(key, None)
        if visit is None:
            return None
        self._visits[key] = visit
        if self._clock() - visit.last_seen > LASTS:
            return None
        visit.last_seen = self._clock()
        return visit

    async def end(self, visit: Visit) -> None:
        """End a visit."""
        self._visits.pop(visit.key, None)
        await visit.close()

    async def end_all(self) -> None:
        """End every visit."""
        for visit in list(self._visits.values()):
            await self.end(visit)

    def supervisions(self) -> list[Supervision]:
        """Return what every supervisor looks at."""
        return [visit.supervision for visit in self._visits.values() if visit.supervision is not None]

    async def _tidy(self) -> None:
        over = [one for one in self._visits.values() if self._clock() - one.last_seen > LASTS]
        too_many = list(self._visits.values())[: max(0, len(self._visits) - MOST + 1)]
        for visit in {one.key: one for one in [*over, *too_many]}.values():
            await self.end(visit)
