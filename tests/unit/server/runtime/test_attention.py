"""Patience with applets: only the time in which the server could have noticed an answer counts."""

from __future__ import annotations

import asyncio

import pytest

from rescue_server.runtime.attachments import Attachments
from rescue_server.runtime.schedule import roll_call
from rescue_server.runtime.schedule.attention import TURN, AttentiveTime
from rescue_server.runtime.schedule.roll_call import RollCall, RollCalls


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
        return self.attention.end_turn() - before


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
    calls = RollCalls(Attachments(), AttentiveTime())
    waiting = asyncio.ensure_future(calls.wait_for(["1001", "1002"], 3600.0))
    await asyncio.sleep(0)
    for session in ("1001", "1001", "1003", "1002"):
        assert not waiting.done()
        calls.sign_of_life(session, answered=True)
    async with asyncio.timeout(20):
        assert await waiting == set()


def test_a_roll_call_names_the_silent_and_takes_no_mere_heartbeat_for_an_answer() -> None:
    asked = RollCall(["1001", "1002"])
    assert not asked.sign_of_life("1001", answered=False)
    assert asked.sign_of_life("1002", answered=True)
    assert not asked.sign_of_life("1002", answered=True), "it counts once"
    assert asked.silent == {"1001"}
    assert RollCall(["1001"], any_sign=True).sign_of_life("1001", answered=False)


async def test_a_server_that_was_late_gives_applets_the_time_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if it notices that only while it waits for their answers."""
    monkeypatch.setattr(roll_call, "TURN", 0.0)
    machine = Machine()
    calls = RollCalls(Attachments(), machine.attention)
    waiting = asyncio.ensure_future(calls.wait_for(["1001"], 2 * TURN))
    for turns in range(200):
        await asyncio.sleep(0)
        if waiting.done():
            break
        if turns == 1:
            calls.was_away()
            assert calls.in_grace
        machine.turn(TURN)
    assert await waiting == {"1001"}
    assert machine.attention.seconds >= roll_call.BACK_WITHIN
    assert not calls.in_grace
