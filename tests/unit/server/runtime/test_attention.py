"""Patience with applets: only the time in which the server could have noticed an answer counts."""

from __future__ import annotations

import asyncio

import pytest

from rescue_server.runtime.schedule.attention import TURN, AttentiveTime
from rescue_server.runtime.schedule.roll_call import RollCall


class Machine:
    """A machine whose time the test tells."""

    def __init__(self) -> None:
        self.real = self.used = 0.0
        self.attention = AttentiveTime(lambda: self.real, lambda: self.used)

    def turn(self, real: float, used: float = 0.0) -> float:
        """Let a turn pass; return what it counted."""
        before = self.attention.seconds
        self.real += real
        self.used += used
        return self.attention.note() - before


def test_a_turn_in_which_nothing_happens_counts() -> None:
    machine = Machine()
    assert machine.turn(TURN) == pytest.approx(TURN)
    assert machine.turn(TURN / 2) == pytest.approx(TURN / 2)


def test_a_blocked_loop_or_a_stopped_process_counts_as_one_turn() -> None:
    assert Machine().turn(3600.0) == pytest.approx(TURN)


def test_the_time_in_which_the_server_works_does_not_count() -> None:
    machine = Machine()
    assert machine.turn(TURN, used=TURN) == 0.0
    assert machine.turn(TURN, used=2 * TURN) == 0.0, "on two cores"
    assert machine.turn(TURN, used=TURN / 2) == pytest.approx(TURN / 2)


def test_a_turn_in_which_answers_come_in_counts_little() -> None:
    machine = Machine()
    machine.attention.answer_came()
    assert 0 < machine.turn(TURN) < TURN / 5, "or someone who trickles answers would hold up an advance for ever"
    assert machine.turn(TURN) == pytest.approx(TURN)


async def test_a_roll_call_ends_with_the_last_answer_and_does_not_wait_out_its_time() -> None:
    roll_call = RollCall(["1001", "1002"], AttentiveTime())
    waiting = asyncio.ensure_future(roll_call.wait(3600.0))
    for session in ("1001", "1001", "1003", "1002"):
        assert not waiting.done()
        roll_call.sign_of_life(session, answered=True)
    async with asyncio.timeout(20):
        assert await waiting == set()


async def test_a_roll_call_names_the_silent_and_takes_no_mere_heartbeat_for_an_answer() -> None:
    roll_call = RollCall(["1001", "1002"], AttentiveTime())
    roll_call.sign_of_life("1001", answered=False)
    roll_call.sign_of_life("1002", answered=True)
    assert await roll_call.wait(0.0) == {"1001"}
    any_sign = RollCall(["1001"], AttentiveTime(), any_sign=True)
    any_sign.sign_of_life("1001", answered=False)
    assert await any_sign.wait(3600.0) == set()
