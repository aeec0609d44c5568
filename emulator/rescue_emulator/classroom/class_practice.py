"""The practice of a person of a class: exercises with their own account, on the server that all share.

What would concern everybody on that server is done on another one, which is this exercise's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rescue_emulator.classroom.model import Classroom, Member
from rescue_emulator.classroom.own_queue import OwnQueue
from rescue_emulator.classroom.world import ClassWorld, LessonWorld
from rescue_emulator.exercises.model import Exercise
from rescue_emulator.exercises.practice import Door, Practice
from rescue_emulator.exercises.progress import ProgressFile
from rescue_emulator.exercises.trainee_run import TraineeRun
from rescue_emulator.scenarios.stage import Stage
from rescue_emulator.world.world import World

_AT_ONCE = 4  # stages that are built at the same time: each starts some programs


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassServer:
    """The server of a class, as options name it, and what its people have to take turns in.

    `own_options` are options of `rescue server` for the servers that exercises have of their own.
    """

    server: str | None = None
    data: Path | None = None
    own_options: tuple[str, ...] = ()
    building: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))


class ClassPractice(Practice):
    """The practice of one member. Each exercise has a world of its own, because the member has another part in each."""

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
        self._queue: OwnQueue | None = None

    @property
    def own_door(self) -> Door | None:
        """How to open the console of an exercise that has a server of its own; None while there is none."""
        return self.door() if self._queue is not None and self.state is not None else None

    @property
    def own_queue(self) -> list[dict[str, object]] | None:
        """What the trainee's queue shows on the exercise's own server; None on the class's server."""
        return self._queue.entries if self._queue is not None else None

    async def cable(self, state: str) -> int:
        """Set the cable of the customers of the attempt "off" or "on"; return how many there are."""
        world = self._world
        computers = world.running_computers if isinstance(world, LessonWorld) else ()
        await asyncio.gather(*(computer.cable(state) for computer in computers))
        return len(computers)

    def _world_for(self, exercise: Exercise) -> World:
        shared = self._shared
        if exercise.moves_clock or exercise.restarts_server:
            return LessonWorld(options=shared.own_options)
        return ClassWorld.of(
            self._class, self._member, trainee=exercise.trainee, server=shared.server, data=shared.data
        )

    async def _build(self, world: World, exercise: Exercise, language: str) -> Stage:
        return await Stage.build(world, lang=language, names=exercise.technicians)  # a class does many at a time

    async def _open(self, exercise: Exercise, language: str) -> Stage:
        async with self._shared.building:
            stage = await super()._open(exercise, language)
        if stage.world.is_owner:
            self._queue = OwnQueue(stage.world, exercise.trainee, changed=self._changed)
        return stage

    async def _play(self, run: TraineeRun, exercise: Exercise) -> None:
        if self._queue is not None:
            run.announce("This exercise has a server and a clock of its own; your console shows its queue.")
        await run.play()

    async def _end_run(self, *, clears: bool = True) -> None:
        await super()._end_run(clears=False)
        queue, self._queue = self._queue, None
        if queue is not None:
            await queue.close()
        await self._leave_world()  # which also ends the sessions of the attempt
