"""The exercises of somebody of a class behind their pages, in the class's practice.

The console is their own. An exercise with a server of its own shows its trainee's console as long as it lasts.
"""

from __future__ import annotations

import asyncio

from rescue_emulator.classroom.class_practice import ClassPractice
from rescue_emulator.classroom.lesson import Lesson
from rescue_emulator.exercises.model import Exercise
from rescue_emulator.exercises.practice import Door
from rescue_web.feed import Data
from rescue_web.technician_page import TechnicianPage
from rescue_web.training import Training


class ClassTraining(Training):
    """One login of a member of a class. The exercise goes on without pages; the trainer sees it, too."""

    def __init__(self, *, lesson: Lesson, account: str, own: TechnicianPage) -> None:
        super().__init__(person=account, own=own)
        self._lesson = lesson
        self._door: Door | None = None
        self._moving: asyncio.Task[None] | None = None
        own.presence_changed = lesson.presence_changed
        self._end_listening = lesson.listen(account, self._changed, self._is_watching)
        self._changed()

    def shown_in(self, language: str) -> None:
        """Pages of this login are in a language: what the trainer starts for this person is told in it."""
        self._lesson.reads_in(self._person, language)

    async def stop(self) -> None:
        """End the exercise."""
        await self._lesson.stop([self._person])

    async def close(self) -> None:
        """End what is of this login only."""
        self._end_listening()
        if self._moving is not None:
            self._moving.cancel()
            await asyncio.gather(self._moving, return_exceptions=True)
        if self.page is not None:
            await self.page.close()

    async def _start(self, exercise: Exercise, *, language: str, predict: bool | None) -> None:
        await self._possible(self._practice().start(exercise, language=language, predict=predict))

    def _practice(self) -> ClassPractice:
        return self._lesson.practice(self._person)

    def _shown(self) -> Data | None:
        state = self._practice().state
        where = f"{self.page.client.technician} at {self.page.server}" if self.page is not None else ""
        return None if state is None else {**state.as_json(), "console": where}

    def _changed(self) -> None:
        super()._changed()
        if self._door != self._practice().own_door and (self._moving is None or self._moving.done()):
            self._moving = asyncio.create_task(self._move())

    async def _move(self) -> None:
        """Show the console of the exercise's own server, or the login's own again."""
        while self._door != (door := self._practice().own_door):
            self._door = door
            if door is None:
                await self._change_page(None)
            else:
                await self._show_console(door)
                if self.page is not None:
                    self.page.presence_changed = self._lesson.presence_changed

    def _is_watching(self) -> bool:
        return self._own.is_open or (self.page is not None and self.page.is_open)
