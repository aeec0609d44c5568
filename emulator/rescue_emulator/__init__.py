"""The emulator as one thing: the `rescue` command, and `World` for tests and scripts.

    async with World() as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin("Customer")
        computer = await world.computer(pin=pin)
        await alice.sees(session, "Waiting")

Importing this package costs nothing; each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rescue_common.processes.child import Program, ProgramEnded
    from rescue_emulator.world.computer import Computer
    from rescue_emulator.world.technician import CommandRefused, NotSeen, Technician, Update
    from rescue_emulator.world.world import World

__all__ = [
    "CommandRefused",
    "Computer",
    "NotSeen",
    "Program",
    "ProgramEnded",
    "Technician",
    "Update",
    "World",
]

_HOME = {
    "CommandRefused": "rescue_emulator.world.technician",
    "Computer": "rescue_emulator.world.computer",
    "NotSeen": "rescue_emulator.world.technician",
    "Program": "rescue_common.processes.child",
    "ProgramEnded": "rescue_common.processes.child",
    "Technician": "rescue_emulator.world.technician",
    "Update": "rescue_emulator.world.technician",
    "World": "rescue_emulator.world.world",
}


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
