"""An exercise with a server of its own ends by itself when its person has left; while they look at it, it stays."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from rescue_emulator.classroom.class_practice import ClassServer
from rescue_emulator.classroom.lesson import Lesson, Lessons, Task
from rescue_emulator.classroom.model import plan
from rescue_emulator.classroom.setting_up import set_up
from rescue_emulator.classroom.store import ClassStore
from rescue_emulator.exercises.model import row_exercise
from rescue_emulator.testing import World

ON_ITS_OWN_SERVER, ON_THE_CLASSES = row_exercise(12), row_exercise(14)
MINUTES = 600.0


@pytest.fixture
async def lessons(tmp_path: Path) -> AsyncIterator[Lessons]:
    async with World() as world:
        store, planned = ClassStore(tmp_path / "trainer"), plan("monday", people=["Ann", "Ben"])
        store.write(planned)
        await set_up(world.admin, planned, valid_for=timedelta(hours=1), keep=store.write)
        shared = ClassServer(server=world.address, data=world.data)
        lessons = Lessons(store, shared, changed=lambda: None, slowly=False)
        yield lessons
        await lessons.close()


def is_listening(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0


def told(lesson: Lesson, account: str) -> str:
    people = lesson.as_json()["people"]
    assert isinstance(people, list)
    [trouble] = [one["trouble"] for one in people if one["technician"] == account]
    return str(trouble)


async def test_the_server_of_an_exercise_ends_when_nobody_looked_at_it_for_some_minutes(lessons: Lessons) -> None:
    lesson, looks = lessons.lesson("monday"), True
    end_listening = lesson.listen("monday-1", lambda: None, lambda: looks)
    await lesson.start(["monday-1"], Task(exercise=ON_ITS_OWN_SERVER, language="en"))
    door = lesson.practice("monday-1").own_door
    assert door is not None
    await lessons.end_left(passed=MINUTES, after=MINUTES)
    assert is_listening(door.server), "Ann looks at it"

    looks = False
    await lessons.end_left(passed=MINUTES - 1, after=MINUTES)
    assert is_listening(door.server), "Ann is only out for a moment"
    await lessons.end_left(passed=1, after=MINUTES)
    assert not is_listening(door.server)
    assert lesson.practice("monday-1").state is None
    assert told(lesson, "monday-1") == "the exercise was ended: nobody had looked at it for a while"

    await lesson.start(["monday-1"], Task(exercise=ON_ITS_OWN_SERVER, language="en"))
    assert told(lesson, "monday-1") == ""
    await lessons.end_left(passed=MINUTES - 1, after=MINUTES)
    assert lesson.practice("monday-1").own_door is not None, "the minutes begin again"
    end_listening()


async def test_who_starts_another_just_then_is_told_nothing_of_the_one_that_ended(lessons: Lessons) -> None:
    """Found: the look at everybody's exercises ended with it, for good."""
    lesson = lessons.lesson("monday")
    await lesson.start(["monday-1"], Task(exercise=ON_ITS_OWN_SERVER, language="en"))
    ending = asyncio.create_task(lessons.end_left(passed=MINUTES, after=MINUTES))
    await asyncio.sleep(0)  # it has begun to end the exercise
    await lesson.start(["monday-1"], Task(exercise=ON_THE_CLASSES, language="en"))
    await ending
    assert told(lesson, "monday-1") == ""


async def test_what_is_done_on_the_server_of_the_class_goes_on_without_anybody(lessons: Lessons) -> None:
    lesson = lessons.lesson("monday")
    await lesson.start(["monday-2"], Task(exercise=ON_THE_CLASSES, language="en"))
    await lessons.end_left(passed=MINUTES, after=MINUTES)
    assert lesson.practice("monday-2").state is not None
