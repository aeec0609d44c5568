"""What a coach tells whoever shows an exercise, and how an exercise ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rescue_client.journal import JournalLine, RefusedCommand
from rescue_emulator.exercises.attempt import Judgement
from rescue_emulator.exercises.model import Exercise
from rescue_emulator.exercises.progress import Score, now_text
from rescue_emulator.scenarios.model import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How an exercise ended. `right` of `questions` predictions were right; `seconds` are real, without the set-up."""

    exercise: Exercise
    solved: bool
    why: str
    wrong: int
    refused: int
    hints: int
    right: int
    questions: int
    seconds: float

    def score(self, person: str, at: datetime) -> Score:
        """Return what is kept of it."""
        return Score(
            at=now_text(at),
            person=person,
            exercise=self.exercise.name,
            trainee=self.exercise.trainee,
            solved=self.solved,
            why=self.why,
            wrong=self.wrong,
            refused=self.refused,
            hints=self.hints,
            right=self.right,
            questions=self.questions,
            seconds=round(self.seconds, 1),
        )


class Presenter(Protocol):
    """Shows an exercise to the trainee."""

    async def setting_up(self, exercise: Exercise) -> None:
        """The system is about to lead the session to the start status."""

    async def begins(self, exercise: Exercise, session: str, *, watches: bool) -> None:
        """The start status is reached: say what the task is. The trainee may have no step to take: they watch."""

    async def asks_status(self, exercise: Exercise) -> str | None:
        """Ask which status the trainee's queue will show next. Returns the answer; None if nobody can answer.

        It is cancelled if the session goes astray meanwhile.
        """

    async def answered(self, *, right: bool, status: str) -> None:
        """Show whether a prediction was right."""

    async def system_step(self, step: Step) -> None:
        """The system takes a step of somebody else."""

    async def trainee_step(self, step: Step, session: str) -> None:
        """It is the trainee's turn. `session` is empty before there is one."""

    async def changed(self, line: JournalLine) -> None:
        """Queues show something new."""

    async def wrong(self, verdict: Judgement, line: JournalLine) -> None:
        """The trainee did something that was not asked for."""

    async def refused(self, refusal: RefusedCommand) -> None:
        """A command of the trainee was refused. It changed nothing."""

    async def ended(self, result: Result) -> None:
        """The exercise is over."""
