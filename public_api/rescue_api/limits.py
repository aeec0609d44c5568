"""How often clients may ask for the same, as at the vendor. In real time: it bounds loops of requests."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from rescue_api.words import MethodFailed, Word

_MOST_KEYS = 10_000


@dataclass(slots=True)
class RateLimit:
    """At most `most` times in `seconds`, for each key. Beyond that, `word` is the answer."""

    most: int
    seconds: float
    word: Word
    _times: dict[Hashable, deque[float]] = field(default_factory=dict)

    def spend(self, key: Hashable, now: float) -> None:
        """Count one request. Raises MethodFailed, and does not count it, if there were too many."""
        times = self._times.pop(key, deque[float]())
        while times and times[0] <= now - self.seconds:
            times.popleft()
        self._times[key] = times  # whoever asked last comes last
        if len(times) >= self.most:
            raise MethodFailed(self.word)
        times.append(now)
        if len(self._times) > _MOST_KEYS:
            del self._times[next(iter(self._times))]


class ApiLimits:
    """All limits; none if they are not enforced. `now` gives real seconds since any moment; tests pass their own."""

    def __init__(self, *, enforced: bool = False, now: Callable[[], float] = time.monotonic) -> None:
        self._enforced = enforced
        self._now = now
        self._logins = RateLimit(10, 180, Word.LIMIT_REACHED)
        self._pins = RateLimit(1, 1, Word.POLL_RATE_EXCEEDED)
        self._reports = RateLimit(1, 60, Word.POLL_RATE_EXCEEDED)

    def login(self, user: str) -> None:
        """Count a login or a request for a code. `user` is an e-mail address, or an SSO id. Raises MethodFailed."""
        self._spend(self._logins, user.casefold())

    def pin(self, technician: str) -> None:
        """Count a request for a PIN of a technician. Raises MethodFailed."""
        self._spend(self._pins, technician)

    def report(self, report: Hashable) -> None:
        """Count a request for a report: by whom, of which node, area and range. Raises MethodFailed."""
        self._spend(self._reports, report)

    def _spend(self, limit: RateLimit, key: Hashable) -> None:
        if self._enforced:
            limit.spend(key, self._now())
