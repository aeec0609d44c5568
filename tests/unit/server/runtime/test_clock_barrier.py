"""Clock barriers: in the order of their moments, and nobody's hold up an advance for longer than their share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from rescue_server.runtime.schedule import clock_barrier
from rescue_server.runtime.schedule.attention import TURN, AttentiveTime
from rescue_server.runtime.schedule.clock_barrier import SHARE, ClockBarrier, ClockBarriers, WaitingShares

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Advance:
    """An advance that waits at barriers, on a machine on which every look at the clock takes a turn."""

    def __init__(self) -> None:
        self._real = 0.0
        self.attention = AttentiveTime(self._look, lambda: 0.0)
        self.shares = WaitingShares(self.attention)
        self.barriers = ClockBarriers()

    def _look(self) -> float:
        self._real += TURN
        return self._real

    async def waits(self, barrier: ClockBarrier, meanwhile: Callable[[], None] = lambda: None) -> float:
        """Wait at a barrier; return for how long."""
        before = self.attention.on_time
        waiting = asyncio.ensure_future(self.shares.wait_at(self.barriers.take(barrier.due)))
        await asyncio.sleep(0)
        meanwhile()
        await waiting
        return self.attention.on_time - before

    async def waits_in_vain(self, owner: str, **where: object) -> float:
        return await self.waits(self.barriers.add(NOON, owner, **where))  # type: ignore[arg-type]


@pytest.fixture
def advance(monkeypatch: pytest.MonkeyPatch) -> Advance:
    monkeypatch.setattr(clock_barrier, "TURN", 0.0001)
    return Advance()


def test_barriers_come_in_the_order_of_their_moments_and_the_released_not_at_all() -> None:
    barriers = ClockBarriers()
    second, first, third = (barriers.add(NOON + seconds * SECOND, "a") for seconds in (2, 1, 3))
    assert barriers.first() is first
    barriers.release(first)
    assert barriers.first() is second
    assert barriers.take(NOON + 2 * SECOND) == [second]
    assert barriers.first() is third


async def test_a_barrier_that_is_released_is_waited_for_no_longer(advance: Advance) -> None:
    barrier = advance.barriers.add(NOON, "a")
    assert await advance.waits(barrier, lambda: advance.barriers.release(barrier)) < SHARE


async def test_whoever_keeps_no_appointment_holds_up_an_advance_for_their_share_in_all(advance: Advance) -> None:
    assert await advance.waits_in_vain("a") >= SHARE
    for _ in range(10):
        assert await advance.waits_in_vain("a") < SHARE / 4
    assert await advance.waits_in_vain("b") >= SHARE, "another has a share of their own"


async def test_the_share_of_many_at_one_moment_is_that_of_one(advance: Advance) -> None:
    barriers = [advance.barriers.add(NOON, str(number)) for number in range(50)]
    assert await advance.waits(barriers[0]) < 5 * SHARE


@pytest.mark.parametrize(("is_local", "waited"), [(False, False), (True, True)])
async def test_a_peer_has_one_share_and_of_this_machine_only_waiting_in_vain_counts(
    advance: Advance, is_local: bool, waited: bool
) -> None:
    kept = 0.0
    for number in range(100):
        barrier = advance.barriers.add(NOON, str(number), peer="somewhere", is_local=is_local)
        kept += await advance.waits(barrier, lambda barrier=barrier: advance.barriers.release(barrier))  # type: ignore[misc]
    assert kept >= SHARE
    assert (await advance.waits_in_vain("one more", peer="somewhere", is_local=is_local) >= SHARE / 2) is waited
    assert await advance.waits_in_vain("the next", peer="somewhere", is_local=is_local) < SHARE / 2
