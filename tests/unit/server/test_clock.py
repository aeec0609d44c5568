"""The server's clock at the end of the calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import pytest

from rescue_common.emulated_time import END_OF_TIME, LONGEST_PERIOD, MAX_SPEED
from rescue_server.clock import ServerClock
from rescue_server.core.timers import deadlines
from rescue_server.settings import PERIODS
from tests.unit.server.core.session_builder import SessionBuilder

HOUR = timedelta(hours=1)
LAST = datetime.max.replace(tzinfo=END_OF_TIME.tzinfo)


class Machine:
    seconds = 0.0


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_a_period_that_begins_at_the_end_still_has_an_end() -> None:
    assert END_OF_TIME + LONGEST_PERIOD <= LAST
    assert max(each.most for each in PERIODS.values()) < LONGEST_PERIOD


def test_the_clock_stops_at_the_end_and_says_so(machine: Machine) -> None:
    clock = ServerClock(start=END_OF_TIME - HOUR, speed=MAX_SPEED, monotonic=lambda: machine.seconds)
    assert clock.seconds_until(END_OF_TIME) == pytest.approx(3600 / MAX_SPEED)
    assert clock.seconds_until(END_OF_TIME + HOUR) is None, "it never comes"
    machine.seconds = 1e12
    assert clock.now() == END_OF_TIME
    assert clock.at_end
    assert clock.read().standing
    assert not clock.read().paused
    assert clock.seconds_until(END_OF_TIME) == 0


def test_every_change_of_pace_at_the_end_leaves_it_there(machine: Machine) -> None:
    clock = ServerClock(start=END_OF_TIME - HOUR, speed=MAX_SPEED, monotonic=lambda: machine.seconds)
    changes: list[Callable[[], None]] = [lambda: clock.run(1), clock.pause, clock.hold, clock.release]
    for change in changes:
        machine.seconds += 1e9
        change()
        assert clock.now() == END_OF_TIME


def test_a_clock_that_was_stored_beyond_the_end_stands_where_it_was(machine: Machine) -> None:
    clock = ServerClock(start=LAST, monotonic=lambda: machine.seconds)
    machine.seconds = 1e12
    assert clock.now() == LAST
    assert clock.read().standing


def test_deadlines_of_a_session_that_began_beyond_the_end_are_at_the_last_moment() -> None:
    builder = SessionBuilder()
    session = msgspec.structs.replace(builder.session, created_at=LAST)
    assert [deadline.due for deadline in deadlines(session, builder.organization)] == [LAST]
