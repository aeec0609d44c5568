"""The classes of a trainer behind their pages: what can be done for one person, several, or all.

The lessons run in this process. Closed pages end nothing, and a score is on the disk before anybody sees it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from rescue_client.admin import AdminClient
from rescue_client.connection import Connection
from rescue_client.overview import Overview
from rescue_common.state_directory import NoAccess, state_directory
from rescue_emulator.classroom.class_practice import ClassServer
from rescue_emulator.classroom.coaching import Coaching
from rescue_emulator.classroom.handout import Handout
from rescue_emulator.classroom.lesson import Lesson, Lessons, Task
from rescue_emulator.classroom.model import BadClass, for_terminals, organized
from rescue_emulator.classroom.report import ReportFormat, class_report
from rescue_emulator.classroom.setting_up import reset, with_new_code
from rescue_emulator.classroom.store import ClassStore
from rescue_emulator.exercises.practice import UNWATCHED, exercise_of_row
from rescue_emulator.exercises.texts import ExerciseTexts
from rescue_web.computers import NotPossible, StartedComputers
from rescue_web.feed import Data

_CODE_VALID_FOR = timedelta(hours=12)  # real time
_LOOKS_EVERY = 5.0  # real seconds
_LOOKS_WHO_LEFT_EVERY = 30.0  # real seconds
_TELLS_AFTER = 0.1  # real seconds in which changes are gathered


class Classes:
    """All classes in the state directory. `changed` is called after changes. Methods raise NotPossible, RescueError."""

    def __init__(
        self,
        *,
        server: str | None,
        data: Path | None,
        computers: StartedComputers,
        changed: Callable[[], None],
        own_options: tuple[str, ...] = (),
    ) -> None:
        self._shared = ClassServer(server=server, data=data, own_options=own_options)
        self._data = data
        self._computers = computers
        self._changed = changed
        self._opened: Lessons | None = None
        self._telling: asyncio.TimerHandle | None = None

    @property
    def lessons(self) -> Lessons:
        """The classes as they are taught. Raises NotPossible."""
        if self._opened is None:
            self._opened = Lessons(self._store(), self._shared, changed=self._tell)
        return self._opened

    def as_json(self) -> Data:
        """Return what the trainer's page shows."""
        return {"classes": self._opened.as_json() if self._opened is not None else []}

    async def refresh(self, admin: AdminClient) -> None:
        """Look which classes there are and who has joined. Raises RescueError, OSError."""
        if self._store().names() or self._opened is not None:
            joined = [state.technician for state in await admin.join_codes() if state.used]
            await self.lessons.refresh(joined)

    def lesson(self, name: str) -> Lesson:
        """Return a class."""
        try:
            return self.lessons.lesson(name)
        except BadClass as error:
            raise NotPossible(str(error)) from None

    async def start(self, lesson: Lesson, who: Sequence[str], row: str, *, language: str, predict: bool | None) -> None:
        """Begin the exercise of a row for these people."""
        if (exercise := exercise_of_row(row)) is None:
            raise NotPossible("there is no exercise {row}: they have the numbers 1 to 62", row=repr(row))
        await lesson.start(who, Task(exercise=exercise, language=language, predict=predict))

    async def cable(self, lesson: Lesson, who: Sequence[str], state: str, overview: Overview) -> None:
        """Pull the cable of all customers of these people, or put it in: `state` is off or on."""
        pulled = await lesson.cable(who, state)
        sessions = {entry.session for queue in overview.queues if queue.technician in who for entry in queue.entries}
        pulled += await self._computers.switch_sessions(sessions, f"lan-{state}")
        if not pulled:
            raise NotPossible("there is no customer's computer here whose cable could be pulled")

    async def reset(self, admin: AdminClient, lesson: Lesson, who: Sequence[str]) -> None:
        """End the attempts of these people, and the sessions of their groups."""
        await lesson.stop(who)
        groups = dict.fromkeys(lesson.classroom.member(account).group for account in who)
        await reset(admin, lesson.classroom, groups)

    async def new_code(self, admin: AdminClient, lesson: Lesson, account: str) -> None:
        """Make a new code for somebody; the former one becomes invalid."""
        renewed = await with_new_code(admin, lesson.classroom.member(account), valid_for=_CODE_VALID_FOR)
        self._store().write(self._store().read(lesson.classroom.name).with_member(renewed))
        await self.refresh(admin)

    def accounts(self, lesson: Lesson, who: object) -> tuple[str, ...]:
        """Return whom a page means: a list of technicians of the class; all of it if the list is empty."""
        there = tuple(member.account for member in lesson.classroom.members)
        if not isinstance(who, list) or not all(one in there for one in who):
            raise NotPossible("there is nobody like that in the class")
        return tuple(who) or there

    def written(self, name: str, what: str, language: str, *, web: str) -> str:
        """Return the handout of a class, or its report in a format.

        `web` is where the pages are now; the handout has it if the class was made without an address of pages.
        """
        try:
            classroom = self._store().read(name)
            if what == "handout":
                web = classroom.web or web
                server = for_terminals(classroom.server, web)
                return Handout(replace(classroom, web=web, server=server), language).as_html()
            people, scores = [member.person for member in classroom.members], self._store().scores(name).read()
        except (BadClass, OSError) as error:
            raise NotPossible(str(error)) from None
        return class_report(name, people, scores, ReportFormat(what), ExerciseTexts(language))

    def lesson_of(self, account: str) -> Lesson | None:
        """Return somebody's class; None if they are in none."""
        try:
            return self.lessons.of(account)
        except (NotPossible, OSError):
            return None

    def channel_of(self, account: str) -> str:
        """Return the channel of somebody's group; empty if they are in no class."""
        if (lesson := self.lesson_of(account)) is None:
            return ""
        return next(iter(organized(lesson.classroom, lesson.classroom.member(account).group).channels))

    async def lead(self) -> None:
        """Lead the exercises of people in terminals, until this is cancelled: only with an administrator's secret."""
        while True:
            try:
                connection = Connection.find(server=self._shared.server, data=self._data, user="admin")
                lessons = self.lessons
            except (NoAccess, NotPossible):  # the server was never started here, or not yet
                await asyncio.sleep(_LOOKS_EVERY)
                continue
            async with connection:
                await Coaching(lessons, connection).run()

    async def end_left(self) -> None:
        """End the servers of exercises that people have left, until this is cancelled."""
        while True:
            await asyncio.sleep(_LOOKS_WHO_LEFT_EVERY)
            if self._opened is not None:
                await self._opened.end_left(passed=_LOOKS_WHO_LEFT_EVERY, after=UNWATCHED)

    async def close(self) -> None:
        """End all attempts."""
        if self._telling is not None:
            self._telling.cancel()
        if self._opened is not None:
            await self._opened.close()

    def _store(self) -> ClassStore:
        try:
            return ClassStore(state_directory(self._data))
        except NoAccess as error:
            raise NotPossible(str(error)) from None

    def _tell(self) -> None:
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(_TELLS_AFTER, self._tell_now)

    def _tell_now(self) -> None:
        self._telling = None
        self._changed()
