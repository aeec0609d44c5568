"""An emulator of LogMeIn Rescue: the `rescue` command, and a library for tests.

    from rescue_emulator.testing import World

`rescue_emulator.testing` is the public API. The names that most tests need are also here; importing this package alone
loads nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rescue_emulator.testing import (
        CommandRefused,
        Computer,
        NotSeen,
        Program,
        ProgramEnded,
        Status,
        StatusUpdate,
        Technician,
        World,
    )

__all__ = [
    "CommandRefused",
    "Computer",
    "NotSeen",
    "Program",
    "ProgramEnded",
    "Status",
    "StatusUpdate",
    "Technician",
    "World",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("rescue_emulator.testing"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
