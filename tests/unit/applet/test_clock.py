"""The followed clock: boot times pass at the server's speed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from rescue_applet.clock import SECOND, Appointment, Clock, Kept, Reading

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
async def clock(real: RealTime) -> Clock:
    return Clock(real=real)


async def test_between_readings_time_passes_at_the_last_speed(clock: Clock, real: RealTime) -> None:
    clock.heard(Reading(at=EPOCH, speed=60.0))
    before = clock.now
    real.seconds += 2
    assert clock.now - before == 120 * SECOND


async def test_time_stands_still_while_the_server_is_away(clock: Clock, real: RealTime) -> None:
    clock.heard(Reading(at=EPOCH, speed=60.0))
    clock.lost_sight()
    before = clock.now
    real.seconds += 100
    assert clock.now == before


async def test_the_first_reading_makes_no_jump(clock: Clock, real: RealTime) -> None:
    real.seconds += 5
    before = clock.now
    clock.heard(Reading(at=EPOCH, speed=1.0))
    assert clock.now == before == 5 * SECOND


async def test_an_appointment_is_reached_by_an_advance_of_a_paused_clock(clock: Clock) -> None:
    clock.heard(Reading(at=EPOCH, speed=0.0))
    making = asyncio.create_task(clock.appoint(timedelta(seconds=30)))
    said = await clock.to_say.get()
    assert isinstance(said, Appointment)
    clock.noted(said.number, EPOCH + 30 * SECOND)
    appointment = await making
    reaching = asyncio.create_task(clock.reach(appointment))
    clock.heard(Reading(at=EPOCH + 30 * SECOND - 1, speed=0.0))
    await asyncio.sleep(0.01)
    assert not reaching.done()
    clock.heard(Reading(at=EPOCH + 30 * SECOND, speed=0.0))
    await asyncio.wait_for(reaching, 1)


async def test_the_servers_word_on_when_it_is_due_counts(clock: Clock) -> None:
    clock.heard(Reading(at=EPOCH, speed=0.0))
    making = asyncio.create_task(clock.appoint(timedelta(seconds=30)))
    said = await clock.to_say.get()
    assert isinstance(said, Appointment)
    clock.noted(said.number, EPOCH + 31 * SECOND)
    assert (await making).due - clock.now == 31 * SECOND


async def test_an_open_appointment_is_made_again_and_a_kept_one_is_not(clock: Clock) -> None:
    appointment = await clock.appoint(timedelta(seconds=30))
    assert clock.open_appointments == [appointment]
    clock.kept(appointment)
    assert clock.open_appointments == []
    assert [clock.to_say.get_nowait(), clock.to_say.get_nowait()] == [appointment, Kept(appointment.number)]


async def test_each_change_of_speed_is_told_once(clock: Clock) -> None:
    told: list[float] = []
    clock.on_speed = told.append
    for speed in (1.0, 60.0, 60.0, 0.0):
        clock.heard(Reading(at=EPOCH, speed=speed))
    clock.lost_sight()
    assert told == [60.0, 0.0]


async def test_what_passes_before_the_first_reading_is_no_emulated_time(real: RealTime) -> None:
    clock = Clock(real=real)
    making = asyncio.create_task(clock.appoint(timedelta(seconds=30)))
    await asyncio.sleep(0)
    real.seconds += 2  # nothing is known of the server's clock yet
    clock.heard(Reading(at=EPOCH, speed=0.0))
    appointment = await clock.to_say.get()
    assert isinstance(appointment, Appointment)
    assert appointment.due - clock.now == 30 * SECOND
    clock.noted(appointment.number, EPOCH + 30 * SECOND)
    await making
