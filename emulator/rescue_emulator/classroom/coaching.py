"""Leads the exercises of a trainer's classes for people in terminals: they see and ask there what pages show and ask.

The server passes it on. Who joined in a browser gets it from the pages, and in a terminal at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack, aclosing, suppress
from functools import partial

from rescue_client.connection import Connection
from rescue_client.exercises import AskedCoach, ExerciseClient, LedExercise
from rescue_common.background_tasks import BackgroundTasks
from rescue_common.languages import LANGUAGES
from rescue_common.processes.child import ProgramEnded
from rescue_common.reasons import reason_of
from rescue_emulator.classroom.lesson import Lesson, Lessons
from rescue_emulator.classroom.model import BadClass
from rescue_emulator.exercises.practice_program import take_ask
from rescue_protos.errors import RescueError

_LOOKS_EVERY = 1.0  # real seconds, for classes that are new or have ended, and for a server that was away


class Coaching:
    """The coach of all classes, on the server at `connection`, which is an administrator's."""

    def __init__(self, lessons: Lessons, connection: Connection) -> None:
        self._lessons = lessons
        self._connection = connection

    async def run(self) -> None:
        """Lead whoever is in a class now, until this is cancelled."""
        while True:
            if members := self._lessons.members():
                with suppress(RescueError, OSError):  # the server is away, or its disk: everything is shown again
                    await _Led(self._lessons, members, ExerciseClient(self._connection)).run()
            await asyncio.sleep(_LOOKS_EVERY)


class _Led:
    """The people who are led from now on, until there are others."""

    def __init__(self, lessons: Lessons, members: Mapping[str, Lesson], client: ExerciseClient) -> None:
        self._lessons = lessons
        self._members = members
        self._client = client
        self._changed = set(members)
        self._news = asyncio.Event()
        self._leads = asyncio.Event()
        self._watching: set[str] = set()
        self._troubles: dict[str, str] = {}
        self._solved: dict[str, tuple[str, ...]] = {}
        self._asks = BackgroundTasks()

    async def run(self) -> None:
        """Return when classes were made or ended, or when another program leads these people. Raises RescueError."""
        with ExitStack() as listening:
            for account, lesson in self._members.items():
                is_watching = partial(self._watching.__contains__, account)
                listening.callback(lesson.listen(account, partial(self._change, account), is_watching))
            working = [asyncio.create_task(one) for one in (self._take(), self._show(), self._until_others())]
            try:
                done, _ = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in working:
                    task.cancel()
                await asyncio.gather(*working, self._asks.end(), return_exceptions=True)

    async def _until_others(self) -> None:
        while True:
            await asyncio.sleep(_LOOKS_EVERY)
            if self._lessons.members() != self._members:
                return

    async def _take(self) -> None:
        async with aclosing(self._client.lead(self._members)) as asked:
            async for one in asked:
                if one is None:
                    self._leads.set()
                elif one.ask:
                    self._asks.start(self._act(one))
                else:
                    self._note_watching(one)

    def _note_watching(self, one: AskedCoach) -> None:
        (self._watching.add if one.watching else self._watching.discard)(one.technician)
        self._members[one.technician].presence_changed()

    async def _act(self, one: AskedCoach) -> None:
        lesson = self._members[one.technician]
        self._troubles.pop(one.technician, None)
        if one.language in LANGUAGES:
            lesson.reads_in(one.technician, one.language)
        try:
            await take_ask(lesson.practice(one.technician), one.ask, language=one.language or "en")
        except (BadClass, OSError, ProgramEnded, TimeoutError, RescueError, ValueError) as error:
            self._troubles[one.technician] = reason_of(error)
        self._change(one.technician)

    def _change(self, account: str) -> None:
        self._changed.add(account)
        self._news.set()

    async def _show(self) -> None:
        """Show what changed, over and over."""
        await self._leads.wait()
        while True:
            self._news.clear()
            while self._changed:
                account = self._changed.pop()
                await self._client.show(account, self._shown(account))
            await self._news.wait()

    def _shown(self, account: str) -> LedExercise:
        practice = self._members[account].practice(account)
        state, door = practice.state, practice.own_door
        attempt: dict[str, object] | None = None
        if state is not None:
            attempt = state.as_json()
            if door is not None:  # on the machine of the class's server, whatever a terminal calls that
                port = door.server.rpartition(":")[2]
                attempt["console"] = {"server": f":{port}", "account": door.account, "secret": door.secret}
        if account not in self._solved or (state is not None and state.verdict):  # there may be a new score
            self._solved[account] = self._members[account].solved(account)
        return LedExercise(attempt=attempt, solved=self._solved[account], trouble=self._troubles.get(account, ""))
