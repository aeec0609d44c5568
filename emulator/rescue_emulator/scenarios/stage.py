"""A stage: a world with a console for each technician, on which one scenario after another is played."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rescue_emulator.scenarios.language import TECHNICIANS

if TYPE_CHECKING:
    from rescue_emulator.world.technician import Technician
    from rescue_emulator.world.world import World

#: Real seconds for a whole scenario, and for the cleanup after it.
SCENARIO_TIMEOUT = 60.0


@dataclass(slots=True, kw_only=True)
class Stage:
    """A world and its consoles.

    With `running` the world's clock runs, and the player waits for moments; without, the player advances the clock.
    `timeout` is in real seconds.
    """

    world: World
    technicians: dict[str, Technician]
    lang: str
    running: bool = False
    timeout: float | None = SCENARIO_TIMEOUT

    @staticmethod
    async def build(
        world: World,
        *,
        lang: str,
        names: Sequence[str] = TECHNICIANS,
        running: bool = False,
        timeout: float | None = SCENARIO_TIMEOUT,
    ) -> Stage:
        """Open a console for each of the technicians, by default for every one that all scenarios know."""
        consoles = await asyncio.gather(*(world.technician(name, lang=lang) for name in names))
        technicians = dict(zip(names, consoles, strict=True))
        return Stage(world=world, technicians=technicians, lang=lang, running=running, timeout=timeout)

    async def sync(self) -> None:
        """Return when every console has shown all updates up to now."""
        await asyncio.gather(*(technician.sync() for technician in self.technicians.values()))
