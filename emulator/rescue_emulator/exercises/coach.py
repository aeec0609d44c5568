"""Plays an exercise: takes everybody's steps but the trainee's, waits for those, and judges them by the journal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import dropwhile
from typing import TYPE_CHECKING

from rescue_client.journal import JournalClient, JournalLine
from rescue_common.durations import parse_duration
from rescue_emulator.exercises.attempt import Attempt, Judgement
from rescue_emulator.exercises.model import Exercise
from rescue_emulator.exercises.presenter import Presenter, Result
from rescue_emulator.scenarios.model import Step
from rescue_emulator.scenarios.play import CustomerCall, Play
from rescue_emulator.world.technician import NotSeen
from rescue_protos.errors import RescueError, Unavailable
from rescue_protos.status_table import labels

if TYPE_CHECKING:
    from rescue_emulator.scenarios.stage import Stage
    from rescue_emulator.world.technician import Technician

_SLICES = 10
_SLICE_PAUSE = 0.3  # real seconds
_LOOKS_AGAIN = 0.5  # real seconds, for a server that is away
_RESET = ".reset"  # how the code of a cause ends: an administrator's reset, not the technician
HINTS = 3
"""Where to look, which command, the whole step."""


class NotPlayed(Exception):
    """The exercise cannot be played to its end, which is no score. The message says what to do."""


class TooEarly(NotPlayed):
    """Somebody changed the session while it was led to the start status."""


class WasReset(NotPlayed):
    """An administrator ended the session."""


@dataclass(slots=True, kw_only=True)
class Coach:
    """One attempt at an exercise on a stage.

    `predict` is whether to ask which status follows; None asks where the trainee has nothing else to do. With `slowly`
    the emulated time passes while one watches. `keep` stores the result, in a thread, before it is shown.
    """

    exercise: Exercise
    stage: Stage
    presenter: Presenter
    predict: bool | None = None
    slowly: bool = True
    keep: Callable[[Result], None] | None = None
    hints: int = 0
    refused: int = 0
    step: Step | None = None  # the trainee's, while it is awaited
    _attempt: Attempt = field(init=False)
    _play: Play = field(init=False)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _asks: bool = False
    _first: Step | None = None  # what is awaited from the beginning
    _verdict: Judgement = Judgement.NOTHING
    _revision: int = 0
    _right: int = 0
    _questions: int = 0
    _given: int = 0  # hints for the present step
    _lost: Exception | None = None  # why the journal is not read any more

    def __post_init__(self) -> None:
        self._attempt = Attempt(exercise=self.exercise)
        self._play = Play(stage=self.stage, scenario=self.exercise.scenario, narrator=None)

    async def run(self) -> Result:
        """Play the exercise to its end: solved, or gone astray. Raises NotPlayed, and what the world raises."""
        await self.presenter.setting_up(self.exercise)
        await self._play.prepare()
        async with self._followed_journal():
            left = await self._set_up()
            watches = not any(map(self.exercise.is_for_trainee, left))
            self._asks = watches if self.predict is None else self.predict
            began = time.monotonic()
            self._attempt.has_begun = True
            self._expect_first(left)
            await self.presenter.begins(self.exercise, self._session, watches=watches)
            why = await self._take(left)
            result = self._result(why, time.monotonic() - began)
        if self.keep is not None:
            await asyncio.to_thread(self.keep, result)
        await self.presenter.ended(result)
        return result

    @property
    def wrong(self) -> int:
        """How many wrong steps the trainee has taken."""
        return self._attempt.wrong

    def take_hint(self) -> int:
        """Return the number of the next hint for the present step, 1 to HINTS, or 0 if no step is awaited.

        The last one can be read again; each is counted once.
        """
        if self.step is None:
            return 0
        if self._given < HINTS:
            self._given += 1
            self.hints += 1
        return self._given

    @property
    def _session(self) -> str:
        return self._play.calls[self.exercise.scenario.customers[0]].session if self._play.calls else ""

    async def clear(self) -> None:
        """Undo what the exercise left behind. Raises StepFailed, and what the world raises."""
        await self._play.clear()

    async def _set_up(self) -> tuple[Step, ...]:
        """Take all steps up to the start status. Returns the steps that are left."""
        steps = self.exercise.scenario.steps
        for number, step in enumerate(steps):
            if self._attempt.begins():
                return _without_checks(steps[number:])
            await self._play.take(step)
            await self._caught_up()
            if len(self._attempt.shown) > self.exercise.begins_after:
                raise TooEarly(
                    "the session was changed before the exercise had begun: start it again, and wait for your turn"
                )
        return ()

    async def _take(self, steps: tuple[Step, ...]) -> str:
        """Take the rest, or wait for the trainee to take it. Returns why the exercise is not solved; empty if it is."""
        for number, step in enumerate(steps):
            if self._asks and self._leads_to_change(steps[number:]):
                await self._ask()
            if self.exercise.is_for_trainee(step):
                await self._await_trainee(step)
            else:
                await self._take_step(step)
            await self._caught_up()
            if self._has_failed:
                return str(self._verdict)
        await self.stage.sync()
        await self._caught_up()
        return "" if self._attempt.is_solved else str(Judgement.ASTRAY)

    def _leads_to_change(self, steps: tuple[Step, ...]) -> bool:
        """Whether this is the last step before the trainee's next status is seen: no more can be known before."""
        at_end = all(step.what.startswith("sees ") for step in steps[1:])
        return at_end and not steps[0].what.startswith("sees ") and not self._attempt.is_solved

    async def _ask(self) -> None:
        expected = self.exercise.expected[-1].status
        asking = asyncio.create_task(self.presenter.asks_status(self.exercise))
        failing = asyncio.create_task(self._until(lambda: self._has_failed))
        try:
            await asyncio.wait((asking, failing), return_when=asyncio.FIRST_COMPLETED)
            answer = asking.result() if asking.done() else failing.result()
        finally:
            asking.cancel()
            failing.cancel()
            await asyncio.gather(asking, failing, return_exceptions=True)
        if answer is None:
            return
        self._questions += 1
        right = answer.strip().casefold() in _names(expected)
        self._right += right
        await self.presenter.answered(right=right, status=expected)

    async def _take_step(self, step: Step) -> None:
        await self.presenter.system_step(step)
        if step.who == "clock" and self.slowly:
            by = parse_duration(step.what.removeprefix("advance ")) / _SLICES
            for _ in range(_SLICES):
                await self.stage.world.advance(by)
                await asyncio.sleep(_SLICE_PAUSE)
            return
        with suppress(NotSeen):  # the judge tells better what was seen instead
            await self._play.take(step)

    def _expect_first(self, steps: tuple[Step, ...]) -> None:
        """Take the trainee's first step from now on: they see the start status, and need not wait for a word."""
        first = steps[0] if steps else None
        if first and not self._asks and self.exercise.is_for_trainee(first) and not first.what.startswith("focus "):
            self._first = self._attempt.wanted = first

    async def _await_trainee(self, step: Step) -> None:
        self._given = 0
        if step.what.startswith("focus "):
            await self._await_focus(step)
            return
        if step is not self._first:
            self._attempt.wanted = step
        self.step = step
        await self.presenter.trainee_step(step, self._session)
        await self._until(lambda: self._attempt.wanted is None or self._has_failed)
        self.step = None
        if step.what == "pin":
            await self._learn_pin()

    async def _learn_pin(self) -> None:
        """Find the session and the PIN that the trainee made: the customer needs them."""
        call = self._play.calls.setdefault(self.exercise.scenario.customers[0], CustomerCall())
        newest = max(await self._trainee_console().queue(), key=lambda entry: int(entry.session))
        call.session, call.pin = newest.session, newest.pin

    async def _await_focus(self, step: Step) -> None:
        """The coach's own console of the trainee must not keep the focus that the trainee takes away."""
        wanted = step.what == "focus on"
        if not wanted:
            await self._play.take(step)
            await self._caught_up()
        if self._attempt.in_focus is wanted:
            return
        self.step = step
        await self.presenter.trainee_step(step, self._session)
        await self._until(lambda: self._attempt.in_focus is wanted or self._has_failed)
        self.step = None

    @property
    def _has_failed(self) -> bool:
        return self._verdict in (Judgement.OTHER_WAY, Judgement.ASTRAY)

    @asynccontextmanager
    async def _followed_journal(self) -> AsyncIterator[None]:
        following = [
            asyncio.create_task(self._kept(self._follow(self.stage.world.journal, await self._revision_now()))),
            asyncio.create_task(self._kept(self._follow_refused())),
        ]
        try:
            yield
        finally:
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)

    async def _kept(self, following: Coroutine[None, None, None]) -> None:
        """Follow something; if the server refuses it, or the session was reset, who waits for news learns why."""
        try:
            await following
        except (RescueError, WasReset) as error:
            async with self._news:
                self._lost = error
                self._news.notify_all()

    async def _revision_now(self) -> int:
        return int((await self._trainee_console().command("sync"))["revision"])

    def _trainee_console(self) -> Technician:
        return self.stage.technicians[self.exercise.trainee]

    async def _follow(self, journal: JournalClient, after: int) -> None:
        async with aclosing(journal.watch(after)) as pieces:
            async for piece in pieces:
                for line in piece.lines:
                    await self._receive(line)
                async with self._news:
                    self._revision = max(self._revision, piece.through)
                    self._news.notify_all()

    async def _follow_refused(self) -> None:
        """Count what is refused to the trainee. It changed nothing, so the journal does not have it."""
        while True:
            refused = self.stage.world.journal.watch_refused_commands(self.exercise.trainee)
            with suppress(Unavailable):  # the server is away: what is refused after its return counts, too
                async with aclosing(refused) as found:
                    async for some in found:
                        for refusal in some:
                            if self.step is not None:  # else it is the system that tries something in vain
                                self.refused += 1
                                await self.presenter.refused(refusal)
            await asyncio.sleep(_LOOKS_AGAIN)

    async def _receive(self, line: JournalLine) -> None:
        if self._session and line.stream not in ("", self._session):
            return
        if self._session and line.code.endswith(_RESET):
            raise WasReset(
                "somebody ended all sessions (a reset), and this attempt does not count: start the exercise again"
            )
        verdict = self._attempt.take(line)
        if line.changes and self._attempt.has_begun:
            await self.presenter.changed(line)
        if verdict in (Judgement.WRONG, Judgement.OTHER_WAY, Judgement.ASTRAY):
            await self.presenter.wrong(verdict, line)
        if not self._has_failed:
            self._verdict = verdict

    async def _caught_up(self) -> None:
        """Wait until the journal has been read up to what every console shows now."""
        revision = await self._revision_now()
        await self._until(lambda: self._revision >= revision)

    async def _until(self, is_reached: Callable[[], bool]) -> None:
        """Wait for what the journal brings. Raises what ended the reading of it: else the wait would have no end."""
        async with self._news:
            await self._news.wait_for(lambda: self._lost is not None or is_reached())
        if self._lost is not None:
            raise self._lost

    def _result(self, why: str, seconds: float) -> Result:
        return Result(
            exercise=self.exercise,
            solved=not why,
            why=why,
            wrong=self._attempt.wrong,
            refused=self.refused,
            hints=self.hints,
            right=self._right,
            questions=self._questions,
            seconds=seconds,
        )


def _without_checks(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Leave out the checks of the start status itself."""
    return tuple(dropwhile(lambda step: step.what.startswith("sees "), steps))


def _names(status: str) -> frozenset[str]:
    return frozenset({status.casefold(), labels("nl")[status].casefold()})
