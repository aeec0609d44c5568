"""The worlds in which people of a class do exercises.

Most exercises are done on the class's server, with the person's own account and the colleagues of their group. An
exercise that moves the clock or restarts the server has a server of its own, because both would concern everybody.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Self

from rescue_emulator.classroom.model import Classroom, Member, organized
from rescue_emulator.exercises.model import Exercise
from rescue_emulator.scenarios.language import TECHNICIANS
from rescue_emulator.scenarios.stage import Stage
from rescue_emulator.world.computer import Computer
from rescue_emulator.world.people import AccountNames
from rescue_emulator.world.world import World


class LessonWorld(World):
    """A world whose customers a trainer can cut off."""

    @property
    def running_computers(self) -> tuple[Computer, ...]:
        """The customers' computers of the exercise that still run."""
        return tuple(computer for computer in self._computers if computer.program.status is None)


class ClassWorld(LessonWorld):
    """A guest of the server who plays with accounts of the class. They stay, and so do sessions of other origin."""

    @classmethod
    def of(cls, classroom: Classroom, member: Member, *, trainee: str, server: str | None, data: Path | None) -> Self:
        """Make the world in which `trainee`, a plain name, is the member. Raises what `World.external` raises."""
        world = cls.external(server=server, data=data, share=False)
        there, own = organized(classroom, member.group), world._own
        own.names = AccountNames(suffix=member.group, persons={trainee: member.account})
        own.outlasts, own.secrets = True, dict(classroom.secrets)
        own.technicians, own.groups, own.channels = [*there.technicians], [*there.groups], [*there.channels]
        return world


async def stage_of(world: World, exercise: Exercise, *, lang: str) -> Stage:
    """Open a console for everybody who has a part in the exercise: a class does many exercises at the same time."""
    parts = {exercise.trainee, *(step.who for step in exercise.scenario.steps)}
    names = [name for name in TECHNICIANS if name in parts]
    consoles = await asyncio.gather(*(world.technician(name, lang=lang) for name in names))
    return Stage(world=world, technicians=dict(zip(names, consoles, strict=True)), lang=lang)
