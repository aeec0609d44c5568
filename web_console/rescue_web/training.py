"""A technician's exercises behind their pages, with the console of the exercise in place of theirs.

The exercise's server is the practice's own, so its sessions, people and clock are nobody else's. While it is done, the
pages of the login show the queue of the exercise's trainee; their own console closes like one without pages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_common.processes.child import ProgramEnded
from rescue_common.reasons import reason_of
from rescue_common.state_directory import NoAccess, state_directory
from rescue_emulator.exercises.model import Exercise
from rescue_emulator.exercises.practice import UNWATCHED, Door, Practice, exercise_of_row
from rescue_emulator.exercises.progress import BadPerson, ProgressFile
from rescue_protos.errors import RescueError
from rescue_web.computers import NotPossible
from rescue_web.feed import Data
from rescue_web.technician_page import TechnicianPage

Found = TypeVar("Found")

MAX_PRACTICES = 12
"""Exercises at a time: each has a server, consoles and a computer of its own."""
_LOOKS_EVERY = 30.0  # real seconds


class Trainings:
    """The exercises of all logins. `data` is the state directory in which scores are kept, as on the command line."""

    def __init__(self, *, data: Path | None) -> None:
        self._data = data
        self._under_way: set[Training] = set()

    def of(self, person: str, own: TechnicianPage) -> Training:
        """Return the exercises of a login whose own console is `own`."""
        return Training(person=person, own=own, scores=self._scores, begins=self._begins, ended=self._ended)

    def _scores(self) -> ProgressFile:
        return ProgressFile(state_directory(self._data) / "scores")

    def _begins(self, training: Training) -> None:
        if len(self._under_way | {training}) > MAX_PRACTICES:
            raise NotPossible("there are {number} people at exercises already", number=str(MAX_PRACTICES))
        self._under_way.add(training)

    def _ended(self, training: Training) -> None:
        self._under_way.discard(training)


class Training:
    """The exercises of one login. Every method but `close` raises NotPossible."""

    def __init__(
        self,
        *,
        person: str,
        own: TechnicianPage,
        scores: Callable[[], ProgressFile] = lambda: ProgressFile(state_directory() / "scores"),
        begins: Callable[[Training], None] = lambda _: None,
        ended: Callable[[Training], None] = lambda _: None,
    ) -> None:
        self.page: TechnicianPage | None = None
        """The console of the exercise's trainee, while there is one."""
        self._person = person
        self._own = own
        self._scores = scores
        self._begins, self._ended = begins, ended
        self._opened: Practice | None = None
        self._watching: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def listed(self, language: str) -> list[dict[str, object]]:
        """Return the exercises of all rows, with whether this person has solved them."""
        return await self._possible(asyncio.to_thread(self._practice().listed, language))

    async def start(self, row: str, *, language: str, predict: bool | None) -> None:
        """Begin the exercise of a row."""
        if (exercise := exercise_of_row(row)) is None:
            raise NotPossible("there is no exercise {row}: they have the numbers 1 to 62", row=repr(row))
        await self._start(exercise, language=language, predict=predict)

    async def start_next(self, *, language: str, predict: bool | None) -> None:
        """Begin the next exercise that is not solved."""
        exercise = await self._possible(asyncio.to_thread(self._practice().next_row))
        if exercise is None:
            raise NotPossible("all exercises are solved")
        await self._start(exercise, language=language, predict=predict)

    def hint(self) -> None:
        """Show the next hint."""
        self._practice().hint()

    def answer(self, text: str) -> None:
        """Answer the question that is asked now."""
        self._practice().answer(text)

    def shown_in(self, language: str) -> None:
        """Pages of this login are in a language. Nobody else starts exercises here, so each start says it."""

    async def stop(self) -> None:
        """End the exercise."""
        await self.close()

    async def close(self) -> None:
        """End the exercise, and show the login's own console again."""
        async with self._turn:
            if self._watching is not None and self._watching is not asyncio.current_task():
                self._watching.cancel()
            self._watching = None
            page, self.page = self.page, None
            practice, self._opened = self._opened, None
            for one in (page, self._own):
                if one is not None:
                    one.show_exercise(None)
            if page is not None:
                await page.close()  # before its server: a console that loses its server says so
            if practice is not None:
                await practice.close()
            self._ended(self)

    async def _start(self, exercise: Exercise, *, language: str, predict: bool | None) -> None:
        async with self._turn:
            self._begins(self)
            try:
                await self._possible(self._practice().start(exercise, language=language, predict=predict))
                await self._show_console(self._practice().door())
            except BaseException:
                if self.page is None:
                    self._ended(self)
                raise
        self._changed()
        if self._watching is None:
            self._watching = asyncio.create_task(self._end_unwatched())

    async def _show_console(self, door: Door) -> None:
        """Open the trainee's console, unless it is there."""
        if self.page is not None and self.page.client.technician == door.account and self.page.server == door.server:
            return
        page = TechnicianPage(
            ConsoleClient(Connection.find(data=door.data, user=door.account, secret=door.secret), in_focus=False),
            Connection.find(data=door.data, user=door.account, secret=door.secret),
            server=door.server,
        )
        await self._change_page(page)

    async def _change_page(self, page: TechnicianPage | None) -> None:
        former, self.page = self.page, page
        self._changed()
        if former is not None:
            former.show_exercise(self._shown())
            await former.close()

    def _practice(self) -> Practice:
        if self._opened is None:
            try:
                self._opened = Practice(person=self._person, scores=self._scores(), changed=self._changed)
            except NoAccess as error:
                raise NotPossible(str(error)) from None
        return self._opened

    async def _possible(self, work: Awaitable[Found]) -> Found:
        try:
            return await work
        except (BadPerson, OSError, ProgramEnded, TimeoutError, RescueError) as error:
            reason = reason_of(error)
            raise NotPossible("exercises are not possible now: {reason}", reason=reason) from None

    def _changed(self) -> None:
        for page in (self._own, self.page):
            if page is not None:
                page.show_exercise(self._shown())

    def _shown(self) -> Data | None:
        state = self._opened.state if self._opened is not None else None
        if state is None or self.page is None:
            return None
        return {**state.as_json(), "console": f"{self.page.client.technician} at {self.page.server}"}

    async def _end_unwatched(self) -> None:
        unwatched = 0.0
        while unwatched < UNWATCHED:
            await asyncio.sleep(_LOOKS_EVERY)
            unwatched = 0.0 if self.page is None or self.page.is_open else unwatched + _LOOKS_EVERY
        await self.close()
