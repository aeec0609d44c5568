"""Trouble with the machine in a torture run: programs are paused, the disk fails for a while, the wall clock jumps."""

from __future__ import annotations

import asyncio
import random

from rescue_emulator import World
from tests.torture.history import History
from tests.torture.machine import Machine, paused

_JUMPS = (-400 * 86_400, -3_600, -7, 45, 3_600, 400 * 86_400)  # seconds


class Trouble:
    """Somebody who shakes the machine. Hold `quiet` for as long as they must not."""

    def __init__(self, world: World, history: History, machine: Machine) -> None:
        self._world = world
        self._history = history
        self._machine = machine
        self._dice = random.Random(f"{history.seed} machine")
        self.quiet = asyncio.Lock()

    async def play(self) -> None:
        """Until cancelled."""
        dice, kinds = self._dice, ["pause", "disk", "jump"] if self._machine.can_fail else ["pause"]
        while True:
            for kind in dice.sample(kinds, len(kinds)):  # a short run has each of them too
                await asyncio.sleep(dice.uniform(0.1, 1.5))
                async with self.quiet:
                    await self._shake(kind)

    async def _shake(self, kind: str) -> None:
        match kind:
            case "pause":
                self._history.pauses += 1
                with paused(self._world.server.pid):
                    await asyncio.sleep(self._dice.choice([0.2, 1, 3]))
            case "disk":
                self._history.disk_errors += 1
                with self._machine.failing_disk():
                    await asyncio.sleep(self._dice.uniform(0.1, 1))
            case "jump":
                self._history.jumps += 1
                self._machine.jump(self._dice.choice(_JUMPS))
