"""How long a call is tried while the server is away, and the delays between the attempts. All in real time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """How long a call is tried again while the server is away: `timeout` real seconds after `since`.

    `since` is a moment of the event loop's clock. An answer of the server restarts the time: a command that waited
    while the server answered other commands has not waited for the server.
    """

    since: float
    timeout: float

    @classmethod
    def after(cls, timeout: timedelta, *, since: float | None = None) -> Deadline:
        """Make a deadline that counts from `since`, or from now."""
        if since is None:
            since = asyncio.get_running_loop().time()
        return cls(since=since, timeout=timeout.total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLimit:
    """How long one attempt of a call may take, in real seconds. The first attempt always gets at least `first`."""

    first: float
    longest: float

    def within(self, left: float, *, is_first: bool) -> float:
        """Return the limit of an attempt that begins `left` seconds before its deadline."""
        return min(self.longest, max(left, self.first if is_first else 0.1))


def retry_delays() -> Iterator[float]:
    """Return the delays before the next attempts, in real seconds. They grow to at most 0.6."""
    delay = 0.05
    while True:
        # With jitter, because all clients lose the server at the same moment.
        yield delay * random.uniform(0.8, 1.2)
        delay = min(2 * delay, 0.5)
