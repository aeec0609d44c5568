"""Practice with real programs: a person starts, is helped, answers, solves, goes wrong, and begins again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rescue_client import ConsoleClient, Status
from rescue_client.connection import Connection
from rescue_console.labels import Labels
from rescue_emulator.exercises.model import row_exercise
from rescue_emulator.exercises.practice import Practice
from rescue_emulator.exercises.progress import ProgressFile
from rescue_emulator.exercises.trainee_run import LineKind, RunPhase, RunState
from rescue_emulator.testing import World
from rescue_protos.errors import RescueError


@dataclass(slots=True)
class Sitting:
    """A person who practises; `until` waits for what is shown."""

    scores: ProgressFile
    practice: Practice = field(init=False)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.practice = Practice(person="ann", scores=self.scores, changed=self.news.set, slowly=False)

    async def until(self, look: Callable[[RunState], bool]) -> RunState:
        async with asyncio.timeout(30):
            while (state := self.practice.state) is None or not look(state):
                self.news.clear()
                await self.news.wait()
        return state


@pytest.fixture
async def sitting(tmp_path: Path) -> AsyncIterator[Sitting]:
    one = Sitting(ProgressFile(tmp_path / "scores"))
    yield one
    await one.practice.close()


async def test_a_person_is_helped_refused_and_solves_it_in_their_own_console(sitting: Sitting) -> None:
    practice = sitting.practice
    await practice.start(row_exercise(14), language="en")
    turn = await sitting.until(lambda state: state.is_turn)
    assert (turn.phase, turn.trainee, turn.account) == (RunPhase.RUNNING, "alice", "alice")
    assert turn.task == f"Session {turn.session} is Active in your queue. Bring it to On Hold."
    for _ in range(3):
        practice.hint()
    hints = [line.text for line in (practice.state or turn).lines if line.kind is LineKind.HINT]
    assert hints[2] == "3/3 Alice puts the session on hold."

    door = practice.door()
    async with Connection.find(server=door.server, user=door.account, secret=door.secret) as own:
        console = ConsoleClient(own)
        with pytest.raises(RescueError):
            await console.accept_lead(turn.session)
        await sitting.until(lambda state: state.refused == 1)
        await console.hold(turn.session)
        over = await sitting.until(lambda state: state.phase is RunPhase.OVER)
    assert (over.solved, over.wrong, over.refused, over.hints) == (True, 0, 1, 3)
    assert over.explanation == "The lead technician put the running session on hold."
    [score] = sitting.scores.read("ann")
    assert (score.exercise, score.solved, score.refused, score.hints) == ("14", True, 1, 3)
    assert [one["solved"] for one in practice.listed("en")].index(True) == 13
    following = practice.next_row()
    assert following is not None
    assert following.name == "15"


async def test_a_prediction_is_answered_and_the_next_exercise_uses_the_same_world(sitting: Sitting) -> None:
    practice = sitting.practice
    await practice.start(row_exercise(2), language="nl")
    asked = await sitting.until(lambda state: bool(state.question))
    removed = Labels.of("nl").status(Status.REMOVED)
    assert removed in asked.choices
    practice.answer(removed)
    over = await sitting.until(lambda state: state.phase is RunPhase.OVER)
    assert (over.solved, over.right, over.questions, over.verdict) == (True, 1, 1, "Opgelost.")
    server = practice.door().server

    await practice.start(row_exercise(14), language="en")
    await sitting.until(lambda state: state.is_turn)
    assert practice.door().server == server
    await practice.stop()
    assert practice.state is None
    assert [score.exercise for score in sitting.scores.read("ann")] == ["2"], "what was stopped is not scored"


async def test_a_world_that_dies_is_said_and_the_next_exercise_has_another(sitting: Sitting) -> None:
    worlds: list[World] = []

    def world() -> World:
        worlds.append(World())
        return worlds[-1]

    practice = sitting.practice = Practice(
        person="ann", scores=sitting.scores, changed=sitting.news.set, slowly=False, world=world
    )
    await practice.start(row_exercise(14), language="en")
    await sitting.until(lambda state: state.is_turn)
    await asyncio.gather(*(one.program.kill() for one in worlds[0].technicians))
    door = practice.door()
    async with Connection.find(server=door.server, user=door.account, secret=door.secret) as own:
        await ConsoleClient(own).hold("1001")
    failed = await sitting.until(lambda state: state.phase is RunPhase.FAILED)
    assert failed.verdict == "The exercise could not be played:", "the reason follows"
    await practice.start(row_exercise(14), language="en")
    await sitting.until(lambda state: state.is_turn)
    assert len(worlds) == 2
