"""Exercises with real programs: a scripted trainee solves them in a console of their own, or goes wrong."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rescue_common.state_directory import Access
from rescue_emulator.exercises.attempt import Judgement
from rescue_emulator.exercises.coach import Coach
from rescue_emulator.exercises.model import Exercise, read_exercises, row_exercise
from rescue_emulator.exercises.presenter import Result
from rescue_emulator.exercises.progress import ProgressFile
from rescue_emulator.exercises.terminal import TerminalPresenter
from rescue_emulator.exercises.texts import ExerciseTexts, split_step
from rescue_emulator.scenarios.model import Step
from rescue_emulator.scenarios.stage import Stage
from rescue_emulator.testing import CommandRefused, Technician, World


def as_asked(step: Step) -> str:
    return step.what


@dataclass(slots=True, kw_only=True)
class Trainee(TerminalPresenter):
    """Reads what the presenter shows, and acts in a console of their own: as asked, or as `instead` says."""

    console: Technician
    instead: Callable[[Step], str] = field(default_factory=lambda: as_asked)
    verdicts: list[Judgement] = field(default_factory=list)
    went_wrong: asyncio.Event = field(default_factory=asyncio.Event)
    was_refused: asyncio.Event = field(default_factory=asyncio.Event)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    is_silent: bool = False
    acting: set[asyncio.Task[None]] = field(default_factory=set)

    async def trainee_step(self, step: Step, session: str) -> None:
        await TerminalPresenter.trainee_step(self, step, session)
        task = asyncio.create_task(self.act(self.instead(step)))
        self.acting.add(task)
        task.add_done_callback(self.acting.discard)

    async def act(self, line: str) -> None:
        """Type a command; nothing waits."""
        if not line:
            return
        verb, rest = split_step(Step(who="", what=line))
        first, _, second = verb.partition(" ")
        if first == "focus":
            await self.console.focus(second == "on")
            return
        try:
            await self.console.command(*filter(None, (first, self._session, second, rest)))
        except CommandRefused:
            self.was_refused.set()

    async def asks_status(self, exercise: Exercise) -> str | None:
        self.was_asked.set()
        if not self.answers.empty() or self.is_silent:
            return await TerminalPresenter.asks_status(self, exercise)
        return exercise.expected[-1].status

    async def wrong(self, verdict: Judgement, line: Any) -> None:
        self.verdicts.append(verdict)
        self.went_wrong.set()
        await TerminalPresenter.wrong(self, verdict, line)


@dataclass(slots=True, kw_only=True)
class Room:
    """A world with its stage, and one console for each trainee."""

    world: World
    stage: Stage
    language: str
    consoles: dict[str, Technician] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)

    async def coach(self, exercise: Exercise, *, predict: bool | None = None, **trainee: Any) -> tuple[Coach, Trainee]:
        name = exercise.trainee
        if name not in self.consoles:
            self.consoles[name] = await self.world.technician(name)
        await self.consoles[name].focus(False)
        person = Trainee(
            texts=ExerciseTexts(self.language), show=self.shown.append, console=self.consoles[name], **trainee
        )
        coach = Coach(exercise=exercise, stage=self.stage, presenter=person, slowly=False, predict=predict)
        return coach, person

    async def result(self, exercise: Exercise, **trainee: Any) -> tuple[Result, Trainee]:
        coach, person = await self.coach(exercise, **trainee)
        async with asyncio.timeout(60):
            result = await coach.run()
            await coach.clear()
        return result, person


@pytest.fixture(params=["en"])
async def room(request: pytest.FixtureRequest) -> AsyncIterator[Room]:
    async with World() as world:
        stage = await Stage.build(world, lang=request.param)
        yield Room(world=world, stage=stage, language=request.param)


async def test_three_rows_are_solved_and_a_wrong_step_is_not(room: Room) -> None:
    for row in (14, 38, 62):
        result, _ = await room.result(row_exercise(row))
        assert (result.solved, result.wrong) == (True, 0), row
    astray, person = await room.result(row_exercise(14), instead=lambda step: "end")
    assert (astray.solved, astray.why, astray.wrong) == (False, "astray", 1)
    assert person.verdicts == [Judgement.ASTRAY]
    assert any("Not solved." in line for line in room.shown)


async def test_the_exercise_of_the_documents_is_solved_from_the_pin_on(room: Room) -> None:
    [exercise] = read_exercises(Path(__file__).parents[4] / "docs" / "examples" / "exercise.yaml")
    result, _ = await room.result(exercise)
    assert (result.solved, result.why) == (True, "")


async def test_a_wrong_step_that_harms_nothing_is_counted_and_the_exercise_goes_on(room: Room) -> None:
    coach, person = await room.coach(row_exercise(14))
    person.instead = lambda step: "invite carol"
    running = asyncio.create_task(coach.run())
    async with asyncio.timeout(30):
        await person.went_wrong.wait()
        await person.act("hold")
        result = await running
        await coach.clear()
    assert (result.solved, result.wrong) == (True, 1)


async def test_a_question_that_is_open_when_the_session_goes_astray_ends_with_the_verdict(room: Room) -> None:
    coach, person = await room.coach(row_exercise(14), predict=True, is_silent=True)
    running = asyncio.create_task(coach.run())
    async with asyncio.timeout(30):
        await person.was_asked.wait()
        session = re.search(r"Session (\d+)", "".join(room.shown))
        assert session is not None
        await person.console.command("end", session[1])
        result = await running
        await coach.clear()
    assert (result.solved, result.why, result.questions) == (False, "astray", 0)
    assert any("Not solved." in line for line in room.shown)


async def test_a_quick_trainee_need_not_wait_for_a_word(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """They see the start status in their console, and act before they are told that it is their turn."""
    coach, person = await room.coach(row_exercise(14), instead=lambda step: "")
    begins = TerminalPresenter.begins

    async def quick(presenter: TerminalPresenter, exercise: Exercise, session: str, *, watches: bool) -> None:
        await begins(presenter, exercise, session, watches=watches)
        await person.console.command("hold", session)
        await coach._caught_up()

    monkeypatch.setattr(TerminalPresenter, "begins", quick)
    async with asyncio.timeout(30):
        result = await coach.run()
        await coach.clear()
    assert (result.solved, result.wrong) == (True, 0)


async def test_a_refused_command_is_counted_and_changes_nothing(room: Room) -> None:
    coach, person = await room.coach(row_exercise(14), instead=lambda step: "lead accept")
    running = asyncio.create_task(coach.run())
    async with asyncio.timeout(30):
        await person.was_refused.wait()
        await person.act("hold")
        result = await running
        await coach.clear()
    assert (result.solved, result.wrong, result.refused) == (True, 0, 1)
    assert any("refused" in line for line in room.shown)


async def test_where_there_is_nothing_to_do_a_prediction_is_asked(room: Room) -> None:
    result, _ = await room.result(row_exercise(2))
    assert (result.solved, result.questions, result.right) == (True, 1, 1)
    acted, _ = await room.result(row_exercise(14))
    assert acted.questions == 0


async def test_a_score_is_kept_before_the_result_is_shown(room: Room) -> None:
    coach, person = await room.coach(row_exercise(14))
    kept: list[Result] = []
    kept_when_shown: list[tuple[str, int]] = []
    coach.keep = kept.append
    person.show = lambda line: kept_when_shown.append((line, len(kept)))
    async with asyncio.timeout(30):
        result = await coach.run()
        await coach.clear()
    assert [number for line, number in kept_when_shown if "Solved." in line] == [1]
    assert kept == [result]


async def test_hints_come_one_by_one_and_count(room: Room) -> None:
    asked = asyncio.Event()

    def wait(step: Step) -> str:
        asked.set()
        return ""

    coach, person = await room.coach(row_exercise(14), instead=wait)
    assert coach.take_hint() == 0
    running = asyncio.create_task(coach.run())
    async with asyncio.timeout(30):
        await asked.wait()
        assert [coach.take_hint() for _ in range(4)] == [1, 2, 3, 3]
        person.hint(3)
        assert "hold" in room.shown[-1]
        await person.act("hold")
        result = await running
        await coach.clear()
    assert (result.solved, result.hints) == (True, 3), "a hint that is read again counts once"


async def test_a_prediction_is_asked_before_the_change_and_counted(room: Room) -> None:
    coach, person = await room.coach(row_exercise(14), predict=True)
    person.answers.put_nowait("in de wacht")
    async with asyncio.timeout(30):
        wrong = await coach.run()
        await coach.clear()
    coach, person = await room.coach(row_exercise(14), predict=True)
    person.answers.put_nowait("on hold")
    async with asyncio.timeout(30):
        right = await coach.run()
        await coach.clear()
    assert (wrong.right, wrong.questions, wrong.solved) == (0, 1, True)
    assert (right.right, right.questions, right.solved) == (1, 1, True)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("room", ["en", "nl"], indirect=True)
async def test_every_row_is_solved_by_its_steps(room: Room) -> None:
    unsolved = {}
    for row in range(1, 63):
        result, person = await room.result(row_exercise(row))
        if not result.solved or result.wrong or result.refused:
            unsolved[row] = (result.why, person.verdicts)
    assert unsolved == {}


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_no_row_is_solved_by_ending_the_session_instead(room: Room) -> None:
    """Of the rows whose last step is the trainee's. The console refuses some of it; the rest leads astray."""
    ends = {}
    for row in range(1, 63):
        exercise = row_exercise(row)
        last = exercise.scenario.steps[-1]
        if not exercise.is_for_trainee(last) or split_step(last)[0] in ("end", "focus off"):
            continue
        coach, person = await room.coach(exercise, instead=lambda step: "end")
        running = asyncio.create_task(coach.run())
        refused = asyncio.create_task(person.was_refused.wait())
        async with asyncio.timeout(60):
            await asyncio.wait({running, refused}, return_when=asyncio.FIRST_COMPLETED)
            ends[row] = "refused" if refused.done() else (await running).why
            for task in (running, refused):
                task.cancel()
            await asyncio.gather(running, refused, return_exceptions=True)
            await coach.clear()
    assert set(ends.values()) == {"refused", "astray"}  # both happen, and nothing else


async def test_the_command_keeps_the_score_and_shows_the_way(tmp_path: Path) -> None:
    environment = {**os.environ, "RESCUE_DATA": str(tmp_path / "own"), "RESCUE_LANG": "en"}
    data = tmp_path / "state"
    command = [sys.executable, "-m", "rescue_emulator", "exercise"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, "start", "14", "--person", "ann", "--data", str(data), env=environment, stdin=pipe, stdout=pipe
    )
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while "your turn" not in (await process.stdout.readline()).decode():
            pass
        process.stdin.write(b"h\n")
        assert b"1/3" in await process.stdout.readline()
        console = await asyncio.create_subprocess_exec(
            *command[:-1], "console", "alice", "--json", "--data", str(data), stdin=pipe, stdout=pipe
        )
        await console.communicate(b"hold 1001\n")
        rest = (await process.stdout.read()).decode()
        assert await process.wait() == 0
    assert "Solved. The lead technician put the running session on hold." in rest
    listed = await asyncio.create_subprocess_exec(*command, "scores", "--format", "json", env=environment, stdout=pipe)
    [score] = map(json.loads, (await listed.communicate())[0].splitlines())
    assert (score["person"], score["exercise"], score["solved"], score["hints"]) == ("ann", "14", True, 1)


async def test_pairs_on_one_server_do_not_disturb_or_see_each_other() -> None:
    async with World() as host, host.share() as first, host.share() as second:
        rooms = [
            Room(world=world, stage=await Stage.build(world, lang="en"), language="en") for world in (first, second)
        ]
        for rows in ((14, 14), (15, 38), (44, 62)):
            results = await asyncio.gather(
                *(room.result(row_exercise(row)) for room, row in zip(rooms, rows, strict=True))
            )
            assert [(result.solved, result.wrong) for result, _ in results] == [(True, 0)] * 2, rows
        first_sees, second_sees = (set(room.stage.technicians["alice"].sessions) for room in rooms)
        assert not first_sees & second_sees


async def test_the_command_does_an_exercise_on_a_server_that_others_use(tmp_path: Path) -> None:
    pipe = asyncio.subprocess.PIPE
    environment = {**os.environ, "RESCUE_DATA": str(tmp_path), "RESCUE_LANG": "en"}
    rescue = [sys.executable, "-m", "rescue_emulator"]
    async with World() as host, asyncio.timeout(60):
        before = await host.admin.organization()
        process = await asyncio.create_subprocess_exec(
            *[*rescue, "exercise", "start", "15", "--person", "ann", "--server", host.address],
            env={**environment, "RESCUE_SECRET": Access.read(host.data).secrets["admin"]},
            stdin=pipe,
            stdout=pipe,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        told: list[str] = []
        while not told or "your turn" not in told[-1]:
            told.append((await process.stdout.readline()).decode())
        secret, account = re.findall(r"RESCUE_SECRET=(\S+) rescue console (\S+) --server", "".join(told))[0]
        process.stdin.write(b"h\nh\nh\n")
        hints = [(await process.stdout.readline()).decode() for _ in range(3)]
        console = await asyncio.create_subprocess_exec(
            *[*rescue, "console", account, "--json", "--server", host.address],
            env={**environment, "RESCUE_SECRET": secret},
            stdin=pipe,
            stdout=pipe,
        )
        await console.communicate(hints[2].partition("Type: ")[2].encode())  # with the names of this server
        rest = (await process.stdout.read()).decode()
        assert await process.wait() == 0, rest
        assert "Solved." in rest
        assert account.startswith("alice-")
        after = await host.admin.organization()
        assert (after.groups, after.channels) == (before.groups, before.channels)


async def test_a_reset_of_the_server_is_said_by_the_command_and_is_no_score(tmp_path: Path) -> None:
    pipe = asyncio.subprocess.PIPE
    async with World() as host, asyncio.timeout(60):
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "rescue_emulator", "exercise", "start", "14", "--server", host.address],
            env={
                **os.environ,
                "RESCUE_DATA": str(tmp_path),
                "RESCUE_LANG": "en",
                "RESCUE_SECRET": Access.read(host.data).secrets["admin"],
            },
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
        )
        assert process.stdout is not None
        while "your turn" not in (await process.stdout.readline()).decode():
            pass
        await host.admin.reset_sessions()
        _, err = await process.communicate()
    assert process.returncode == 1
    assert err.decode().splitlines() == [
        "Error: somebody ended all sessions (a reset), and this attempt does not count: start the exercise again"
    ]
    assert not (tmp_path / "scores").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["12", "--server", "127.0.0.1:1"], "moves the clock, which all on this server share"),
        (["14", "--server", "127.0.0.1:1"], "the server cannot be used"),
        (["14", "--server", "nowhere"], "HOST:PORT is needed"),
        (["14", "--server", "127.0.0.1:1", "--web", "127.0.0.1:0"], "leave --web out"),
    ],
)
async def test_what_is_not_possible_on_a_shared_server_is_said(options: list[str], says: str, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "rescue_emulator", "exercise", "start", *options],
        env={**os.environ, "RESCUE_DATA": str(tmp_path), "RESCUE_SECRET": "any", "RESCUE_LANG": "en"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode in (1, 2)
    assert says in err.decode()
    assert "Traceback" not in err.decode()


async def test_who_stops_has_not_solved_it(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "rescue_emulator", "exercise", "start", "3"],
        env={**os.environ, "RESCUE_DATA": str(tmp_path), "RESCUE_LANG": "en"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(b"q\n"), 60)
    assert (process.returncode, err) == (1, b"")
    assert b"Open your console" in out


async def test_who_cannot_answer_has_not_predicted_wrongly(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "rescue_emulator", "exercise", "start", "8", "--person", "ann"],
        env={**os.environ, "RESCUE_DATA": str(tmp_path), "RESCUE_LANG": "en"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    await asyncio.wait_for(process.communicate(), 60)
    [score] = ProgressFile(tmp_path / "scores").read("ann")
    assert (score.solved, score.questions, process.returncode) == (True, 0, 0)
