"""One attempt as a page or a screen shows it: everything shown is in one state, which `changed` announces.

Whoever shows it owns the stage: the world in which the exercise is played.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from rescue_client.journal import JournalLine, RefusedCommand
from rescue_client.records import Status
from rescue_common.reasons import reason_of
from rescue_emulator.exercises.attempt import Judgement
from rescue_emulator.exercises.coach import Coach, NotPlayed
from rescue_emulator.exercises.model import Exercise
from rescue_emulator.exercises.presenter import Result
from rescue_emulator.exercises.progress import Score
from rescue_emulator.exercises.texts import ExerciseTexts
from rescue_emulator.scenarios.model import Step
from rescue_emulator.scenarios.stage import Stage

_STATUSES = tuple(status for status in Status if status is not Status.UNKNOWN)


class RunPhase(StrEnum):
    """How far an attempt is."""

    PREPARING = "preparing"  # the others lead the session to the start status
    RUNNING = "running"
    OVER = "over"
    FAILED = "failed"  # it could not be played


class LineKind(StrEnum):
    """What a line of an attempt says."""

    STEP = "step"  # somebody else does something
    TURN = "turn"
    CHANGE = "change"
    WRONG = "wrong"
    HINT = "hint"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLine:
    """A line of what happened, in the language of the attempt."""

    kind: LineKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """What is shown of an attempt.

    `account` is the trainee's name on the server. `question` is asked now, `choices` are its answers. `why` it is not
    solved is empty, "other way" or "astray". `verdict` and `explanation` come at the end; of a failure, the reason.
    """

    exercise: str
    title: str
    trainee: str
    account: str
    phase: RunPhase = RunPhase.PREPARING
    session: str = ""
    task: str = ""
    is_turn: bool = False
    question: str = ""
    choices: tuple[str, ...] = ()
    lines: tuple[ShownLine, ...] = ()
    wrong: int = 0
    refused: int = 0
    hints: int = 0
    right: int = 0
    questions: int = 0
    solved: bool = False
    why: str = ""
    verdict: str = ""
    explanation: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it as an object of JSON."""
        return asdict(self)


class TraineeRun:
    """One attempt of a person. `keep` stores the score, before the result is shown; `changed` follows each change."""

    def __init__(
        self,
        *,
        exercise: Exercise,
        texts: ExerciseTexts,
        stage: Stage,
        person: str,
        keep: Callable[[Score], None],
        predict: bool | None = None,
        slowly: bool = True,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        trainee = stage.technicians[exercise.trainee]
        self.state = RunState(
            exercise=exercise.name, title=texts.title(exercise), trainee=exercise.trainee, account=trainee.account
        )
        self._texts = texts
        self._person = person
        self._keep = keep
        self._changed = changed
        self._names = trainee.names
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        self._step: Step | None = None
        self._coach = Coach(
            exercise=exercise, stage=stage, presenter=self, predict=predict, slowly=slowly, keep=self._keep_result
        )

    async def play(self) -> None:
        """Play to the end. Never raises for what goes wrong in the world: the state says it."""
        try:
            await self._coach.run()
        except NotPlayed as error:
            self._fail(self._texts.text(str(error)))
        except Exception as error:
            self._fail(reason_of(error))

    async def clear(self) -> None:
        """Undo in the world what the attempt left behind."""
        with suppress(Exception):  # the next attempt finds out if the world is of no use any more
            await self._coach.clear()

    def announce(self, english: str) -> None:
        """Show a sentence of the catalog before the attempt begins."""
        self._add(LineKind.STEP, self._texts.text(english))

    def hint(self) -> None:
        """Show the next hint for the present step, and count it."""
        number = self._coach.take_hint()
        if self._step is None or not number:
            self._add(LineKind.HINT, self._texts.text("There is nothing for you to do at this moment."))
            return
        hints = self._texts.hints(self._step, self.state.session, self._names, typed=False)
        self._show(hints=self._coach.hints)
        self._add(LineKind.HINT, f"{number}/3 {hints[number - 1]}")

    def answer(self, text: str) -> None:
        """Answer the question that is asked now."""
        if self.state.question:
            self._answers.put_nowait(text)

    # What the coach shows.

    async def setting_up(self, exercise: Exercise) -> None:
        self._add(LineKind.STEP, self._texts.text("The others prepare the session …"))

    async def begins(self, exercise: Exercise, session: str, *, watches: bool) -> None:
        task = self._texts.task(exercise, session, self.state.account, watches=watches)
        self._show(phase=RunPhase.RUNNING, session=session, task=task)

    async def asks_status(self, exercise: Exercise) -> str:
        question = self._texts.text("Which status will you see next?")
        self._show(question=question, choices=tuple(map(self._texts.status, _STATUSES)))
        try:
            return await self._answers.get()
        finally:
            self._show(question="", choices=())

    async def answered(self, *, right: bool, status: str) -> None:
        verdict = self._texts.text("Right.") if right else self._texts.text("No.")
        self._show(right=self.state.right + right, questions=self.state.questions + 1)
        self._add(LineKind.ANSWER, f"{verdict} {self._texts.status(status)}.")

    async def system_step(self, step: Step) -> None:
        self._show(is_turn=False)
        if not step.what.startswith("sees "):
            self._add(LineKind.STEP, f"{self._texts.step(step)}.")

    async def trainee_step(self, step: Step, session: str) -> None:
        self._step = step
        self._show(is_turn=True, session=session)
        self._add(LineKind.TURN, self._texts.text("It is your turn."))

    async def changed(self, line: JournalLine) -> None:
        for change in line.changes:
            self._add(LineKind.CHANGE, self._texts.change(line, change))

    async def wrong(self, verdict: Judgement, line: JournalLine) -> None:
        self._show(wrong=self._coach.wrong)
        self._add(LineKind.WRONG, self._texts.judgement(verdict))

    async def refused(self, command: RefusedCommand) -> None:
        self._show(refused=self._coach.refused)
        self._add(LineKind.WRONG, self._texts.text("The command was refused; it changed nothing."))

    async def ended(self, result: Result) -> None:
        verdict = self._texts.text("Solved.") if result.solved else self._texts.text("Not solved.")
        explanation = self._texts.explanation(result.exercise, solved=result.solved)
        self._show(
            phase=RunPhase.OVER,
            is_turn=False,
            solved=result.solved,
            why=result.why,
            wrong=result.wrong,
            verdict=verdict,
            explanation=explanation,
        )

    def _fail(self, reason: str) -> None:
        failed = self._texts.text("The exercise could not be played:")
        self._show(phase=RunPhase.FAILED, is_turn=False, question="", verdict=failed, explanation=reason)

    def _keep_result(self, result: Result) -> None:
        self._keep(result.score(self._person, datetime.now(UTC)))

    def _add(self, kind: LineKind, text: str) -> None:
        self._show(lines=(*self.state.lines, ShownLine(kind=kind, text=text)))

    def _show(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]  # a field's own type, each
        self._changed()
