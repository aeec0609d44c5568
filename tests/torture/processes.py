"""Consoles as processes, which are killed as the server is: each new one must show the queue as it is then."""

from __future__ import annotations

import asyncio
import random

from rescue_common.processes.child import ProgramEnded
from rescue_emulator import World
from rescue_emulator.world.technician import Technician
from tests.torture.history import Console, History, Seen


class ConsoleProcess:
    """A technician whose console dies now and then."""

    def __init__(self, world: World, history: History, technician: str) -> None:
        self._world = world
        self._history = history
        self._technician = technician
        self._at_work: tuple[Console, Technician] | None = None

    async def live(self, dice_seed: float) -> None:
        """Start a console and kill it, again and again, until cancelled."""
        dice = random.Random(dice_seed)
        while True:
            await self._start()
            await asyncio.sleep(dice.uniform(1, 8))
            if self._at_work is not None:
                console, technician = self._at_work
                console.killed = True
                await technician.program.kill()
                self._note(console, technician)

    async def settle(self) -> None:
        """Let one console show everything, and write down what it showed."""
        if self._at_work is None or self._at_work[1].program.status is not None:
            await self._start()
        assert self._at_work is not None
        console, technician = self._at_work
        console.synced = int((await technician.command("sync"))["revision"])
        self._note(console, technician)

    async def _start(self) -> None:
        self._at_work, before = None, len(self._world.technicians)
        try:
            technician = await self._world.technician(self._technician)
        except (TimeoutError, ProgramEnded):
            for given_up in self._world.technicians[before:]:
                await given_up.program.kill()
        else:
            number = len(self._history.consoles)
            console = Console(name=f"{self._technician}'s process {number}", technician=self._technician)
            console.statuses_only = True
            self._history.consoles.append(console)
            self._at_work = (console, technician)

    def _note(self, console: Console, technician: Technician) -> None:
        queue: list[tuple[str, str]] = []
        for event in technician.program.events:
            if event.get("event") == "entry" and event.get("snapshot"):
                queue.append((event["session"], event["status"]))
            elif event.get("event") == "snapshot-end":
                console.seen.append(Seen(kind="snapshot", revision=event["revision"], queue=tuple(queue)))
                queue = []
            elif event.get("event") == "entry":
                console.seen.append(
                    Seen(
                        kind="delta",
                        revision=event["revision"],
                        session=event["session"],
                        previous=event["previous"],
                        status=event["status"],
                    )
                )
