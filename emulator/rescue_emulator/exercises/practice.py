"""The practice of one person: exercises one after the other in a world of their own, and the present attempt.

The world is made for the first exercise and kept for the next ones. With a server of its own, its clock and its people
are this person's alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rescue_common.processes.child import prepare
from rescue_common.state_directory import Access
from rescue_emulator.exercises.model import Exercise, row_exercise, row_exercises
from rescue_emulator.exercises.progress import ProgressFile, solved_exercises
from rescue_emulator.exercises.texts import ExerciseTexts
from rescue_emulator.exercises.trainee_run import RunPhase, RunState, TraineeRun
from rescue_emulator.scenarios.stage import Stage
from rescue_emulator.world.world import World

UNWATCHED = 600.0
"""Real seconds without an open page or console, after which an exercise with a server of its own is ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How to open the console of a trainee: the server's address, its state directory, the account and its secret."""

    server: str
    data: Path
    account: str
    secret: str


class Practice:
    """One person's practice: `changed` is called after each change of `state`."""

    def __init__(
        self,
        *,
        person: str,
        scores: ProgressFile,
        changed: Callable[[], None],
        world: Callable[[], World] = World,
        slowly: bool = True,
    ) -> None:
        self._person = person
        self._scores = scores
        self._changed = changed
        self._new_world = world
        self._slowly = slowly
        self._world: World | None = None
        self._stage: Stage | None = None
        self._run: TraineeRun | None = None
        self._playing: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        prepare("rescue_server", "rescue_console", "rescue_applet")  # while somebody chooses an exercise

    @property
    def state(self) -> RunState | None:
        """What is shown of the present attempt; None if there is none."""
        return self._run.state if self._run is not None else None

    def listed(self, language: str) -> list[dict[str, object]]:
        """Return the exercises of all rows in order, with whether this person has solved them. Raises OSError."""
        texts, solved = ExerciseTexts(language), solved_exercises(self._scores.read(self._person))
        return [
            {"exercise": one.name, "title": texts.title(one), "solved": one.name in solved} for one in row_exercises()
        ]

    def next_row(self) -> Exercise | None:
        """Return the first exercise that this person has not solved, after the present one. Raises OSError."""
        solved = solved_exercises(self._scores.read(self._person))
        present = int(self.state.exercise) if self.state is not None and self.state.exercise.isdecimal() else 0
        left = [one for one in row_exercises() if one.name not in solved]
        return next((one for one in left if int(one.name) > present), left[0] if left else None)

    async def start(self, exercise: Exercise, *, language: str, predict: bool | None = None) -> None:
        """Begin an attempt, after ending the present one. Raises what the world raises if it cannot be made."""
        async with self._turn:
            await self._end_run()
            stage = self._stage or await self._open(exercise, language)
            self._run = TraineeRun(
                exercise=exercise,
                texts=ExerciseTexts(language),
                stage=stage,
                person=self._person,
                keep=self._scores.add,
                predict=predict,
                slowly=self._slowly,
                changed=self._changed,
            )
            self._changed()
            self._playing = asyncio.create_task(self._play(self._run, exercise))

    def hint(self) -> None:
        """Show the next hint."""
        if self._run is not None:
            self._run.hint()

    def answer(self, text: str) -> None:
        """Answer the question that is asked now."""
        if self._run is not None:
            self._run.answer(text)

    async def stop(self) -> None:
        """End the present attempt; what was not over is not scored."""
        async with self._turn:
            await self._end_run()

    async def close(self) -> None:
        """End the attempt and the world."""
        async with self._turn:
            await self._end_run(clears=False)
            await self._leave_world()

    def door(self) -> Door:
        """Return how to open the trainee's console, during an attempt."""
        world, stage, state = self._world, self._stage, self.state
        if world is None or stage is None or state is None:
            raise RuntimeError("no exercise is being done")
        secret = stage.technicians[state.trainee].secret or Access.read(world.data).secrets[state.account]
        return Door(server=world.address, data=world.data, account=state.account, secret=secret)

    async def _play(self, run: TraineeRun, exercise: Exercise) -> None:
        await run.play()

    async def _build(self, world: World, exercise: Exercise, language: str) -> Stage:
        return await Stage.build(world, lang=language)

    def _world_for(self, exercise: Exercise) -> World:
        return self._new_world()

    async def _open(self, exercise: Exercise, language: str) -> Stage:
        world = self._world_for(exercise)
        await world.__aenter__()
        self._world = world
        try:
            self._stage = await self._build(world, exercise, language)
        except BaseException:
            await self._leave_world()
            raise
        return self._stage

    async def _leave_world(self) -> None:
        world, self._world, self._stage = self._world, None, None
        if world is not None:
            with suppress(Exception):
                await world.__aexit__(None, None, None)

    async def _end_run(self, *, clears: bool = True) -> None:
        run, playing = self._run, self._playing
        self._run = self._playing = None
        if playing is not None:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
        if run is None:
            return
        self._changed()
        if run.state.phase is RunPhase.FAILED:
            await self._leave_world()  # nobody knows what state it is in
        elif clears:
            await run.clear()


def exercise_of_row(text: str) -> Exercise | None:
    """Return the exercise of a row that somebody chose; None if there is no such row."""
    known = {one.name for one in row_exercises()}
    return row_exercise(int(text)) if text in known else None
