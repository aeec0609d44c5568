"""The moments at which an advance must stop, for example because a computer boots then.

Without them an advance of ten minutes would pass a boot after thirty seconds before the computer could do it. Whoever
sets barriers and does not release them holds up everybody's advance, so the share of each is bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from rescue_server.runtime.schedule.attention import TURN, AttentiveTime

SHARE = 2.0  # real seconds of one advance that one owner, or one peer, may take up


@dataclass(slots=True, eq=False)
class ClockBarrier:
    """An advance stops at `due` until the barrier is released.

    `owner` is whose it is: a session, for its computer, or something else. `peer` is where they call from. `is_local`:
    that is this machine.
    """

    due: datetime
    owner: str
    peer: str = ""
    is_local: bool = False
    is_open: bool = True
    on_release: Callable[[ClockBarrier], None] | None = None


class ClockBarriers:
    """All that are open, in the order of their moments."""

    def __init__(self) -> None:
        self._order: list[tuple[datetime, int, ClockBarrier]] = []
        self._numbers = count()

    def add(self, due: datetime, owner: str, *, peer: str = "", is_local: bool = False) -> ClockBarrier:
        """Add a barrier."""
        barrier = ClockBarrier(due, owner, peer, is_local)
        heapq.heappush(self._order, (due, next(self._numbers), barrier))
        return barrier

    def release(self, barrier: ClockBarrier) -> None:
        """Release a barrier: an advance need not stop there any more."""
        barrier.is_open = False
        if barrier.on_release is not None:
            barrier.on_release(barrier)

    def first(self) -> ClockBarrier | None:
        """Return the one that is due first."""
        while self._order and not self._order[0][2].is_open:
            heapq.heappop(self._order)
        return self._order[0][2] if self._order else None

    def take(self, moment: datetime) -> list[ClockBarrier]:
        """Take out those that are due by a moment."""
        found = []
        while (barrier := self.first()) is not None and barrier.due <= moment:
            heapq.heappop(self._order)
            found.append(barrier)
        return found


class WaitingShares:
    """What each owner and each peer has taken up of one advance's waiting, in real seconds with the loop on time.

    Of a peer of this machine only waiting in vain counts. Else the honest computers of a test, which all run
    here, would use up their share together.
    """

    def __init__(self, attention: AttentiveTime) -> None:
        self._attention = attention
        self._used: Counter[str] = Counter()

    async def wait_at(self, barriers: Iterable[ClockBarrier]) -> None:
        """Wait until these are released, or their shares are used up."""
        began = self._now()
        charges: dict[str, float] = {}
        over = asyncio.Event()
        still_open = {barrier for barrier in barriers if barrier.is_open}

        def end(barrier: ClockBarrier, *, in_vain: bool) -> None:
            barrier.on_release = None
            still_open.discard(barrier)
            if not still_open:
                over.set()
            for key in self._charged(barrier, in_vain=in_vain):
                charges[key] = max(charges.get(key, 0.0), self._now() - began)

        for barrier in still_open:
            barrier.on_release = lambda released: end(released, in_vain=False)
        while still_open:
            waited = self._now() - began
            for barrier in [one for one in still_open if self._left(one) <= waited]:
                end(barrier, in_vain=True)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TURN):
                    await over.wait()
        self._used.update(charges)

    def _now(self) -> float:
        self._attention.end_turn()
        return self._attention.on_time

    def _left(self, barrier: ClockBarrier) -> float:
        return SHARE - max(self._used[f"owner {barrier.owner}"], self._used[f"peer {barrier.peer}"])

    def _charged(self, barrier: ClockBarrier, *, in_vain: bool) -> list[str]:
        charged = [f"owner {barrier.owner}"]
        if barrier.peer and (in_vain or not barrier.is_local):
            charged.append(f"peer {barrier.peer}")
        return charged
