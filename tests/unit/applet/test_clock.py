"""The followed clock: boot times pass at the server's speed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from rescue_applet.clock import SECOND, BarrierReleased, ComputerBarrier, FollowedClock, ServerReading

EPOCH = 1_700_000_000 * SECOND


class RealTime:
    """Real seconds under the test's hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def real() -> RealTime:
    return RealTime()


@pytest.fixture
async def clock(real: RealTime) -> FollowedClock:
    return FollowedClock(real=real)


async def test_between_readings_time_passes_at_the_last_speed(clock: FollowedClock, real: RealTime) -> None:
    clock.update(ServerReading(at=EPOCH, speed=60.0))
    before = clock.now
    real.seconds += 2
    assert clock.now - before == 120 * SECOND


async def test_time_stands_still_while_the_server_is_away(clock: FollowedClock, real: RealTime) -> None:
    clock.update(ServerReading(at=EPOCH, speed=60.0))
    clock.freeze()
    before = clock.now
    real.seconds += 100
    assert clock.now == before


async def test_the_first_reading_makes_no_jump(clock: FollowedClock, real: RealTime) -> None:
    real.seconds += 5
    before = clock.now
    clock.update(ServerReading(at=EPOCH, speed=1.0))
    assert clock.now == before == 5 * SECOND


async def test_a_barrier_is_reached_by_an_advance_of_a_paused_clock(clock: FollowedClock) -> None:
    clock.update(ServerReading(at=EPOCH, speed=0.0))
    making = asyncio.create_task(clock.set_barrier(timedelta(seconds=30)))
    said = await clock.outgoing.get()
    assert isinstance(said, ComputerBarrier)
    clock.confirm(said.number, EPOCH + 30 * SECOND)
    hold = await making
    reaching = asyncio.create_task(clock.sleep_until(hold))
    clock.update(ServerReading(at=EPOCH + 30 * SECOND - 1, speed=0.0))
    await asyncio.sleep(0.01)
    assert not reaching.done()
    clock.update(ServerReading(at=EPOCH + 30 * SECOND, speed=0.0))
    await asyncio.wait_for(reaching, 1)


async def test_the_servers_word_on_when_it_is_due_counts(clock: FollowedClock) -> None:
    clock.update(ServerReading(at=EPOCH, speed=0.0))
    making = asyncio.create_task(clock.set_barrier(timedelta(seconds=30)))
    said = await clock.outgoing.get()
    assert isinstance(said, ComputerBarrier)
    clock.confirm(said.number, EPOCH + 31 * SECOND)
    assert (await making).due - clock.now == 31 * SECOND


async def test_an_open_barrier_is_set_again_and_a_released_one_is_not(clock: FollowedClock) -> None:
    hold = await clock.set_barrier(timedelta(seconds=30))
    assert clock.open_barriers == [hold]
    clock.release(hold)
    assert clock.open_barriers == []
    assert [clock.outgoing.get_nowait(), clock.outgoing.get_nowait()] == [hold, BarrierReleased(hold.number)]


async def test_each_change_of_speed_is_told_once(clock: FollowedClock) -> None:
    told: list[float] = []
    clock.on_speed = told.append
    for speed in (1.0, 60.0, 60.0, 0.0):
        clock.update(ServerReading(at=EPOCH, speed=speed))
    clock.freeze()
    assert told == [60.0, 0.0]


async def test_what_passes_before_the_first_reading_is_no_emulated_time(real: RealTime) -> None:
    clock = FollowedClock(real=real)
    making = asyncio.create_task(clock.set_barrier(timedelta(seconds=30)))
    await asyncio.sleep(0)
    real.seconds += 2  # nothing is known of the server's clock yet
    clock.update(ServerReading(at=EPOCH, speed=0.0))
    hold = await clock.outgoing.get()
    assert isinstance(hold, ComputerBarrier)
    assert hold.due - clock.now == 30 * SECOND
    clock.confirm(hold.number, EPOCH + 30 * SECOND)
    await making
