"""The exercises of somebody of a class behind their pages: with their own console, in the class's practice."""

from __future__ import annotations

from rescue_emulator.classroom.lesson import Lesson
from rescue_emulator.exercises.model import Exercise
from rescue_emulator.exercises.practice import Practice
from rescue_web.feed import Data
from rescue_web.technician_page import TechnicianPage
from rescue_web.training import Training


class ClassTraining(Training):
    """One login of a member of a class. The exercise goes on without pages; the trainer sees it, too."""

    def __init__(self, *, lesson: Lesson, account: str, own: TechnicianPage) -> None:
        super().__init__(person=account, own=own)
        self._lesson = lesson
        self._end_listening = lesson.listen(account, self._changed)
        self._changed()

    async def stop(self) -> None:
        """End the exercise."""
        await self._lesson.stop([self._person])

    async def close(self) -> None:
        """End what is of this login only."""
        self._end_listening()

    async def _start(self, exercise: Exercise, *, language: str, predict: bool | None) -> None:
        await self._possible(self._practice().start(exercise, language=language, predict=predict))

    def _practice(self) -> Practice:
        return self._lesson.practice(self._person)

    def _shown(self) -> Data | None:
        state = self._practice().state
        return None if state is None else {**state.as_json(), "console": ""}
