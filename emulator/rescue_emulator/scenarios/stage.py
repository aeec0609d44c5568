"""Playing scenarios in a world of real processes, and telling what each console showed.

A world is used for many scenarios, one after the other, each with sessions of its own; so what a scenario leaves behind
is cleared away before the next: fault rules, open entries, computers, focus and settings. `play` is one of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rescue_console.timeline_picture import Change, Happening
from rescue_emulator.scenarios.judge import find_faults
from rescue_emulator.scenarios.language import TECHNICIANS
from rescue_emulator.scenarios.model import Queue, Scenario, Shown
from rescue_emulator.scenarios.play import Narrator, Play

if TYPE_CHECKING:
    from rescue_emulator.world.records import StatusUpdate
    from rescue_emulator.world.technician import Technician
    from rescue_emulator.world.world import World

#: Real seconds for a whole scenario, and for clearing away after it.
LIMIT = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of a scenario: what each console showed, what was wrong, and how long it took in real seconds.

    `shown` is by technician, of the first customer's session. `details` are the views and logs at a step that failed,
    `seed` replays what chance decided, `happenings` is what the timeline of that session is drawn from.
    """

    scenario: Scenario
    shown: Mapping[str, Queue]
    faults: tuple[str, ...]
    seconds: float
    details: str = ""
    seed: int | None = None
    happenings: tuple[Happening, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the consoles showed exactly what they should."""
        return not self.faults


@dataclass(slots=True, kw_only=True)
class Stage:
    """A world and its consoles, ready for the next scenario.

    With `running` the world's clock runs and is waited for, else it stands and is moved. `limit` is in real seconds.
    """

    world: World
    technicians: dict[str, Technician]
    lang: str
    running: bool = False
    limit: float | None = LIMIT
    on: Play | None = None

    @staticmethod
    async def build(world: World, *, lang: str, running: bool = False, limit: float | None = LIMIT) -> Stage:
        """Start a console for every technician whom all scenarios know."""
        consoles = await asyncio.gather(*(world.technician(name, lang=lang) for name in TECHNICIANS))
        technicians = dict(zip(TECHNICIANS, consoles, strict=True))
        return Stage(world=world, technicians=technicians, lang=lang, running=running, limit=limit)

    async def play(self, scenario: Scenario, narrator: Narrator | None = None) -> Played:
        """Play a scenario to its end, or to the first step that fails. The stage is to be cleared before the next."""
        began = time.monotonic()
        self.on = play = Play(stage=self, scenario=scenario, narrator=narrator)
        faults: tuple[str, ...] = ()
        details = where = ""
        try:
            async with asyncio.timeout(self.limit):
                await play.prepare()
                for step in scenario.steps:
                    where = f"line {step.line}, {step}: "
                    await play.tell_and_take(step)
                where = "after the last step: "
                await self.sync()
                await play.tell_the_rest()
        except Exception as error:
            # Whatever the world could not do is the scenario's outcome, not the program's end.
            first, _, details = (str(error) or type(error).__name__).partition("\n")
            faults = (f"{where}{first}",)
        for customer in scenario.customers:
            faults += find_faults(scenario, play.seen(customer), lang=self.lang, customer=customer)
        seen = play.seen(scenario.customers[0])
        shown = {
            name: tuple(Shown(status=update.status, row=update.row) for update in updates)
            for name, updates in seen.items()
            if updates
        }
        seconds = time.monotonic() - began
        return Played(
            scenario=scenario,
            shown=shown,
            faults=faults,
            details=details,
            seed=self.world.seed,
            seconds=seconds,
            happenings=shown_by(seen),
        )

    async def sync(self) -> None:
        """Return when every console has shown every update up to now."""
        await asyncio.gather(*(technician.sync() for technician in self.technicians.values()))

    async def clear(self) -> None:
        """Clear away what the last scenario left behind.

        Raises StepFailed or what the world raises; then the world is not fit for another scenario.
        """
        if self.on is not None:
            async with asyncio.timeout(LIMIT):
                await self.on.clear()
            self.on = None


def shown_by(consoles: Mapping[str, Iterable[StatusUpdate]]) -> tuple[Happening, ...]:
    """Return what happened to a session as far as its technicians' consoles showed it."""
    found: dict[int, Happening] = {}
    for technician, updates in sorted(consoles.items()):
        for update in updates:
            change = Change(technician=technician, status=update.status, previous=update.previous, row=update.row)
            before = found.get(update.revision)
            changes = (*before.changes, change) if before else (change,)
            found[update.revision] = Happening(
                revision=update.revision, at=update.at, cause=update.cause, changes=changes
            )
    return tuple(found[revision] for revision in sorted(found))
