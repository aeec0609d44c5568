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
    from rescue_emulator.computer import Computer
    from rescue_emulator.processes import Program, ProgramEnded
    from rescue_emulator.technician import CommandRefused, NotSeen, Technician, Update
    from rescue_emulator.world import World

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
    "CommandRefused": "technician",
    "Computer": "computer",
    "NotSeen": "technician",
    "Program": "processes",
    "ProgramEnded": "processes",
    "Technician": "technician",
    "Update": "technician",
    "World": "world",
}


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"rescue_emulator.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
