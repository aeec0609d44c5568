"""An exercise on a terminal: what happens is printed, and the trainee types h for a hint and q to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import click

from rescue_client.journal import JournalLine, RefusedCommand
from rescue_emulator.exercises.attempt import Judgement
from rescue_emulator.exercises.model import Exercise
from rescue_emulator.exercises.presenter import Result
from rescue_emulator.exercises.texts import ExerciseTexts
from rescue_emulator.scenarios.model import Step
from rescue_emulator.world.people import AccountNames


@dataclass(slots=True, kw_only=True)
class TerminalPresenter:
    """Shows an exercise line by line. `answers` are the lines that the trainee types to a question.

    Without `has_input` nobody can answer. `names` are those that the trainee has to type in their console.
    """

    texts: ExerciseTexts
    show: Callable[[str], None]
    answers: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    names: AccountNames = field(default_factory=AccountNames)
    is_asking: bool = False
    has_input: bool = True
    _session: str = ""
    _step: Step | None = None

    async def setting_up(self, exercise: Exercise) -> None:
        self.show(click.style(self.texts.title(exercise), bold=True))
        self.show(self.texts.text("The others prepare the session …"))

    async def begins(self, exercise: Exercise, session: str, *, watches: bool) -> None:
        if task := self.texts.task(exercise, session, self.names.account(exercise.trainee), watches=watches):
            self.show(f"\n{task}")
        self.show(self.texts.text("h and Enter: a hint. q and Enter: stop."))

    async def asks_status(self, exercise: Exercise) -> str | None:
        if not self.has_input:
            return None
        self.is_asking = True
        self.show("\n? " + self.texts.text("Which status will you see next?"))
        try:
            answer = await self.answers.get()
            return answer if self.has_input else None
        finally:
            self.is_asking = False

    async def answered(self, *, right: bool, status: str) -> None:
        verdict = self.texts.text("Right.") if right else self.texts.text("No.")
        self.show(f"  {verdict} {self.texts.status(status)}.")

    async def system_step(self, step: Step) -> None:
        if not step.what.startswith("sees "):
            self.show(f"● {self.texts.step(step)}.")

    async def trainee_step(self, step: Step, session: str) -> None:
        self._step, self._session = step, session
        self.show("► " + self.texts.text("It is your turn."))

    async def changed(self, line: JournalLine) -> None:
        for change in line.changes:
            self.show(f"    {self.texts.change(line, change)}")

    async def wrong(self, verdict: Judgement, line: JournalLine) -> None:
        self.show("✗ " + self.texts.judgement(verdict))

    async def refused(self, refusal: RefusedCommand) -> None:
        self.show("✗ " + self.texts.text("The command was refused; it changed nothing."))

    async def ended(self, result: Result) -> None:
        text = self.texts
        verdict = text.text("Solved.") if result.solved else text.text("Not solved.")
        self.show(f"\n{click.style(verdict, bold=True)} {text.explanation(result.exercise, solved=result.solved)}")
        self.show(text.counts(result.wrong, result.refused, result.hints))
        if result.questions:
            self.show(
                text.text("{right} of {questions} predictions right", right=result.right, questions=result.questions)
            )

    def hint(self, number: int) -> None:
        """Show a hint for the present step: 1 to 3, or 0 if there is nothing to do now."""
        if self._step is None or not number:
            self.show("  " + self.texts.text("There is nothing for you to do at this moment."))
            return
        self.show(f"  {number}/3 " + self.texts.hints(self._step, self._session, self.names)[number - 1])
