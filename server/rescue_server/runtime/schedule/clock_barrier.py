"""The moments at which an advance must stop, for example because a computer boots then.

Without them an advance of ten minutes would pass a boot after thirty seconds before the computer could do it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True, eq=False)
class ClockBarrier:
    """An advance stops at `due` until the barrier is released."""

    due: datetime
    released: asyncio.Event = field(default_factory=asyncio.Event)


class ClockBarriers:
    """All that are open."""

    def __init__(self) -> None:
        self._open: set[ClockBarrier] = set()

    def add(self, due: datetime) -> ClockBarrier:
        """Add a barrier."""
        barrier = ClockBarrier(due)
        self._open.add(barrier)
        return barrier

    def release(self, barrier: ClockBarrier) -> None:
        """Remove a barrier: an advance need not stop there any more."""
        barrier.released.set()
        self._open.discard(barrier)

    def first(self) -> ClockBarrier | None:
        """The one that is due first."""
        return min(self._open, key=lambda barrier: barrier.due, default=None)
