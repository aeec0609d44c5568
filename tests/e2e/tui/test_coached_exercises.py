"""Exercises of a class in the full-screen console: what the class's coach shows, and what its person asks."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from textual.widgets import Static

from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_console.labels import Labels
from rescue_console.tui.app import TechnicianConsole
from rescue_console.tui.choose import Choose
from rescue_emulator.classroom.class_practice import ClassServer
from rescue_emulator.classroom.coaching import Coaching
from rescue_emulator.classroom.lesson import Lessons, Task
from rescue_emulator.classroom.model import Classroom, plan
from rescue_emulator.classroom.setting_up import set_up
from rescue_emulator.classroom.store import ClassStore
from rescue_emulator.exercises.model import row_exercise
from rescue_emulator.world.world import World
from tests.e2e.tui.test_console import Person

pytestmark = pytest.mark.timeout(300)  # for a busy machine


@dataclass(slots=True)
class Taught:
    """A class of two that is led on a world's server."""

    world: World
    classroom: Classroom
    lessons: Lessons
    store: ClassStore
    news: asyncio.Event
    leading: asyncio.Task[None]

    async def until_watched(self, person: str) -> None:
        """Wait until the trainer sees that a console shows somebody's exercises."""
        async with asyncio.timeout(30):
            while person not in self._watched():
                self.news.clear()
                await self.news.wait()

    def _watched(self) -> set[object]:
        people = self.lessons.lesson("monday").as_json()["people"]
        return {one["person"] for one in people if one["watching"]} if isinstance(people, list) else set()

    @asynccontextmanager
    async def console(self, account: str, language: str = "en") -> AsyncIterator[Person]:
        secret = self.classroom.secrets[account]
        async with Connection(self.world.address, user=account, secret=secret) as connection:
            app = TechnicianConsole(ConsoleClient(connection), labels=Labels.of(language))
            async with app.run_test(size=(120, 40)) as pilot:
                person = Person(app, pilot)
                await person.until(lambda: app.view.revision is not None and app.clock.now is not None, "listed")
                yield person


@pytest.fixture
async def taught(tmp_path: Path) -> AsyncIterator[Taught]:
    async with World() as world:
        store = ClassStore(tmp_path / "trainer")
        planned = plan("monday", people=["Ann", "Ben"])
        store.write(planned)
        classroom = await set_up(world.admin, planned, valid_for=timedelta(hours=1), keep=store.write)
        server = ClassServer(server=world.address, data=world.data)
        news = asyncio.Event()
        lessons = Lessons(store, server, changed=news.set, slowly=False)
        async with Connection.find(data=world.data, user="admin") as connection:
            leading = asyncio.create_task(Coaching(lessons, connection).run())
            yield Taught(world, classroom, lessons, store, news, leading)
            leading.cancel()
            await asyncio.gather(leading, return_exceptions=True)
            await lessons.close()


async def test_a_trainer_starts_an_exercise_and_a_terminal_shows_task_hints_and_verdict(taught: Taught) -> None:
    lesson = taught.lessons.lesson("monday")
    async with taught.console("monday-1") as ann:
        await lesson.start(["monday-1"], Task(exercise=row_exercise(14), language="en"))
        await ann.reads("is Active in your queue. Bring it to On Hold. You play alice.", "It is your turn.")
        await taught.until_watched("Ann")
        await ann.until(lambda: bool(ann.allowed()), "their own queue")
        await ann.press("f5", "f5")
        await ann.reads("2/3 The command is: Hold session", "Hints: 2")
        await ann.press("h")
        await ann.reads("Solved. The lead technician put the running session on hold.")
        assert ann.app.client.technician == "monday-1", "with their own account"
    [score] = taught.store.scores("monday").read()
    assert (score.person, score.exercise, score.solved, score.hints) == ("Ann", "14", True, 2)


async def test_a_trainee_chooses_predicts_on_a_server_of_the_exercise_and_gets_the_own_queue_back(
    taught: Taught,
) -> None:
    async with taught.console("monday-2", "nl") as ben:
        await ben.until(lambda: ben.app._exercises._coached.is_led, "a coach")
        await ben.press("f4")
        await ben.reads("rij 5:")
        await ben.press(*"rij 5:", "enter")
        await ben.reads("Welke status")
        assert ben.app.client.technician == "alice", "the exercise's own server has its own people"
        await ben.press(*"Verwijderd uit", "enter")
        await ben.reads("Opgelost.")
        await ben.press("f4")
        await ben.reads("✓ rij 5:")
        await ben.press(*"Be", "enter")
        await ben.until(lambda: ben.app.client.technician == "monday-2", "their own queue again")
        await taught.lessons.lesson("monday").start(["monday-2"], Task(exercise=row_exercise(14), language="en"))
        await ben.reads("U bent aan de beurt.")
    [score] = taught.store.scores("monday").read()
    assert (score.person, score.exercise, score.solved, score.right) == ("Ben", "5", True, 1)


async def test_a_terminal_shows_the_exercise_again_after_the_server_was_killed(taught: Taught) -> None:
    lesson = taught.lessons.lesson("monday")
    async with taught.console("monday-1") as ann:
        await lesson.start(["monday-1"], Task(exercise=row_exercise(14), language="en"))
        await ann.reads("It is your turn.")
        await taught.world.kill_server()
        await ann.until(lambda: ann.app._exercises._coached.shown is None, "no coach")
        await taught.world.restart_server()
        await ann.reads("It is your turn.")
        await ann.until(lambda: ann.app.view.online and bool(ann.allowed()), "their own queue, with its server")
        await ann.press("h")
        await ann.reads("Solved. The lead technician put the running session on hold.")


async def test_a_question_closes_when_the_trainer_ends_the_exercise(taught: Taught) -> None:
    lesson = taught.lessons.lesson("monday")
    async with taught.console("monday-1") as ann:
        await lesson.start(["monday-1"], Task(exercise=row_exercise(12), language="en"))
        await ann.reads("Which status will you see next?")
        await ann.until(lambda: isinstance(ann.app.screen, Choose), "a question")
        await lesson.stop(["monday-1"])
        await ann.until(lambda: not isinstance(ann.app.screen, Choose), "no question")


async def test_a_terminal_shows_no_exercise_when_the_coach_is_gone(taught: Taught) -> None:
    lesson = taught.lessons.lesson("monday")
    async with taught.console("monday-1") as ann:
        await lesson.start(["monday-1"], Task(exercise=row_exercise(14), language="en"))
        await ann.reads("It is your turn.")
        panel = ann.app.screen_stack[0].query_one("#exercise", Static)
        taught.leading.cancel()
        await ann.until(lambda: not panel.display, "no exercise")


async def test_the_plain_console_prints_the_exercise_and_asks_by_lines(taught: Taught) -> None:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rescue_console", "monday-1", "--plain", "--server", taught.world.address),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "RESCUE_SECRET": taught.classroom.secrets["monday-1"], "COLUMNS": "200"},
    )
    assert program.stdin is not None
    assert program.stdout is not None
    reader, writer, shown = program.stdout, program.stdin, ""

    async def reads(wanted: str) -> None:
        nonlocal shown
        async with asyncio.timeout(30):
            while wanted not in shown:
                shown += (await reader.readline()).decode()

    async def types(line: str) -> None:
        writer.write(f"{line}\n".encode())
        await writer.drain()

    await taught.until_watched("Ann")
    await types("exercise start 14")
    await reads("Bring it to On Hold.")
    await types("exercise hint")
    await reads("1/3 Select session")
    session = taught.lessons.lesson("monday").practice("monday-1").state.session  # type: ignore[union-attr]
    await types(f"hold {session}")
    await reads("Solved. The lead technician put the running session on hold.")
    assert shown.count("row 14: Active → On Hold") == 1, "each line once"
    await taught.lessons.lesson("monday").stop(["monday-1"])
    await reads("The exercise has ended.")
    await types("exercise start 99")
    await reads("there is no exercise '99'")
    await types("exercise start 5")
    await reads("rescue console alice --server")
    await types("quit")
    assert await program.wait() == 0


async def test_a_console_of_nobody_s_class_has_exercises_of_its_own(
    taught: Taught, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESCUE_DATA", str(tmp_path))
    async with Connection.find(data=taught.world.data, user="bob") as connection:
        app = TechnicianConsole(ConsoleClient(connection), labels=Labels.of("en"))
        async with app.run_test(size=(120, 40)) as pilot:
            bob = Person(app, pilot)
            await bob.press("f4")
            await bob.reads("Next one not solved", "row 1:")
