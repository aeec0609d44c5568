"""A server, consoles and computers as real processes, for tests and demonstrations.

`rescue_emulator.testing` is the public API. `World` can be imported from here too; nothing is loaded before that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rescue_emulator.world.world import World as World


def __getattr__(name: str) -> object:
    if name != "World":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rescue_emulator.world.world import World

    return World
