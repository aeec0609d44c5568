"""The worlds in which people of a class do exercises.

Most exercises are done on the class's server, with the person's own account and the colleagues of their group. An
exercise that moves the clock or restarts the server has a server of its own, because both would concern everybody.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from rescue_emulator.classroom.model import Classroom, Member, organized
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
