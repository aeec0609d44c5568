"""The practice of a person of a class: exercises with their own account, on the server that all share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rescue_emulator.classroom.model import Classroom, Member
from rescue_emulator.classroom.world import ClassWorld, stage_of
from rescue_emulator.exercises.model import Exercise
from rescue_emulator.exercises.practice import Practice
from rescue_emulator.exercises.progress import ProgressFile
from rescue_emulator.exercises.trainee_run import TraineeRun
from rescue_emulator.scenarios.stage import Stage
from rescue_emulator.world.world import World

_AT_ONCE = 4  # stages that are built at the same time: each starts some programs


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassServer:
    """The server of a class, as options name it, and what its people have to take turns in."""

    server: str | None = None
    data: Path | None = None
    clock: asyncio.Lock = field(default_factory=asyncio.Lock)
    building: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))


class ClassPractice(Practice):
    """The practice of one member. Each exercise has a world of its own, because the member has another part in each.

    Exercises that move the clock are done one at a time in the whole class.
    """

    def __init__(
        self,
        *,
        classroom: Classroom,
        member: Member,
        shared: ClassServer,
        scores: ProgressFile,
        changed: Callable[[], None],
        slowly: bool = True,
    ) -> None:
        super().__init__(person=member.person, scores=scores, changed=changed, slowly=slowly)
        self._class = classroom
        self._member = member
        self._shared = shared

    async def cable(self, state: str) -> int:
        """Set the cable of the customers of the attempt "off" or "on"; return how many there are."""
        world = self._world
        computers = world.running_computers if isinstance(world, ClassWorld) else ()
        await asyncio.gather(*(computer.cable(state) for computer in computers))
        return len(computers)

    def _world_for(self, exercise: Exercise) -> World:
        shared = self._shared
        return ClassWorld.of(
            self._class, self._member, trainee=exercise.trainee, server=shared.server, data=shared.data
        )

    async def _build(self, world: World, exercise: Exercise, language: str) -> Stage:
        async with self._shared.building:
            return await stage_of(world, exercise, lang=language)

    async def _play(self, run: TraineeRun, exercise: Exercise) -> None:
        if not exercise.moves_clock:
            await run.play()
            return
        if self._shared.clock.locked():
            run.announce("Somebody else's exercise moves the clock. Yours begins after it.")
        async with self._shared.clock:
            await run.play()

    async def _end_run(self, *, clears: bool = True) -> None:
        await super()._end_run(clears=False)
        await self._leave_world()  # which also ends the sessions of the attempt
