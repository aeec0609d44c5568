"""Playing a scenario in a world of real processes, and telling what each console showed.

A world is used for many scenarios, one after the other, each with a session of its own; so what a scenario
leaves behind is cleared away before the next: open entries, the computer, focus and settings.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rescue_emulator.conformance.judge import find_faults
from rescue_emulator.conformance.scenario import SETTINGS, TECHNICIANS, Scenario, Shown, Step
from rescue_emulator.processes import ProgramEnded
from rescue_emulator.technician import CommandRefused
from rescue_protos.durations import parse_duration
from rescue_protos.table import REMOVED, REMOVED_TIMED_OUT

if TYPE_CHECKING:
    from rescue_emulator.computer import Computer
    from rescue_emulator.technician import Technician
    from rescue_emulator.world import World

#: Real seconds for a status to come; an applet may take 5 to come back once the LAN has.
PATIENCE = 15.0
#: Real seconds for a whole scenario.
LIMIT = 60.0


class StepFailed(Exception):
    """A step could not be taken; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of a scenario: what each console showed, what was wrong, and how long it took in real seconds.

    `details` are the views and logs at a step that failed.
    """

    scenario: Scenario
    shown: Mapping[str, tuple[Shown, ...]]
    faults: tuple[str, ...]
    seconds: float
    details: str = ""

    @property
    def ok(self) -> bool:
        """Whether the consoles showed exactly what they should."""
        return not self.faults


@dataclass(slots=True, kw_only=True)
class Stage:
    """A world and its consoles, ready for the next scenario."""

    world: World
    technicians: Mapping[str, Technician]
    lang: str
    on: _Play | None = None

    @staticmethod
    async def build(world: World, *, lang: str) -> Stage:
        """Start a console for every technician whom scenarios know."""
        consoles = await asyncio.gather(*(world.technician(name, lang=lang) for name in TECHNICIANS))
        return Stage(world=world, technicians=dict(zip(TECHNICIANS, consoles, strict=True)), lang=lang)

    async def play(self, scenario: Scenario) -> Played:
        """Play a scenario to its end, or to the first step that fails. The stage is to be cleared before the next."""
        began = time.monotonic()
        self.on = play = _Play(stage=self)
        faults: tuple[str, ...] = ()
        details = ""
        try:
            async with asyncio.timeout(LIMIT):
                for step in scenario.steps:
                    await play.take(step)
                await asyncio.gather(*(technician.sync() for technician in self.technicians.values()))
        except Exception as error:
            # Whatever the world could not do is the scenario's outcome, not the program's end.
            first, _, details = (str(error) or type(error).__name__).partition("\n")
            faults = (f"at {step}: {first}",)
        seen = {name: technician.history(play.session) for name, technician in self.technicians.items()}
        faults += find_faults(scenario, seen, lang=self.lang)
        shown = {
            name: tuple(Shown(status=update.status, row=update.row) for update in updates)
            for name, updates in seen.items()
            if updates
        }
        seconds = time.monotonic() - began
        return Played(scenario=scenario, shown=shown, faults=faults, details=details, seconds=seconds)

    async def clear(self) -> None:
        """Clear away what the last scenario left behind.

        Raises StepFailed or what the world raises; then the world is not fit for another scenario.
        """
        if self.on is not None:
            async with asyncio.timeout(LIMIT):
                await self.on.clear()
            self.on = None


@dataclass(slots=True, kw_only=True)
class _Play:
    """One scenario on its way: its session, its computer and what it changed."""

    stage: Stage
    session: str = ""
    pin: str = ""
    computer: Computer | None = None
    changed: set[tuple[str, str]] = field(default_factory=set)
    unfocused: set[str] = field(default_factory=set)

    async def take(self, step: Step) -> None:
        """Let somebody do something. Raises StepFailed, and what the world raises."""
        match step.who:
            case "admin":
                await self._admin(step.what)
            case "clock":
                seconds = parse_duration(step.what.removeprefix("advance ")).total_seconds()
                await self.stage.world.advance(seconds=seconds)
            case "customer":
                await self._customer(step.what)
            case technician:
                await self._technician(technician, step.what)

    async def _admin(self, what: str) -> None:
        _, owner, setting = what.split(" ", 2)
        name, _, value = setting.partition("=")
        self.changed.add((owner, name))
        await self.stage.world.set(owner, **{name.replace("-", "_"): value})

    async def _customer(self, what: str) -> None:
        if what.startswith("run applet"):
            await self._run_applet(what.split()[2:])
            return
        computer = self.computer
        if computer is None:
            raise StepFailed("the customer has not run the applet")
        match what:
            case "lan off":
                await computer.lan_off()
            case "lan on":
                await computer.lan_on()
            case "reboot":
                await computer.reboot()
            case "reboot hold":
                await computer.reboot_hold()
            case "boot":
                await computer.boot()
            case "close":
                await computer.close()
            case "accept":
                await computer.accept()

    async def _run_applet(self, options: list[str]) -> None:
        chosen = dict(option.split(":", 1) for option in options)
        terms = chosen.get("terms", "accept")
        channel = chosen.get("channel")
        computer = self.computer = await self.stage.world.computer(
            pin=None if channel else self.pin, channel=channel, terms=terms, wait=False
        )
        match terms:
            case "accept":
                self.session = await computer.joined(PATIENCE)
            case "ask":
                await computer.event("terms", PATIENCE)
            case "decline":
                await computer.ended(PATIENCE)

    async def _technician(self, name: str, what: str) -> None:
        technician = self.stage.technicians[name]
        verb, _, rest = what.partition(" ")
        match verb:
            case "pin":
                self.session, self.pin = await technician.pin("Customer")
            case "sees":
                # What was true before the last step must not count.
                await technician.sync()
                await technician.sees(self.session, rest, timeout=PATIENCE)
            case "focus":
                await technician.command("focus", rest)
                (self.unfocused.discard if rest == "on" else self.unfocused.add)(name)
            case _:
                await technician.command(verb, self.session, *rest.split())

    async def clear(self) -> None:
        """Leave nothing of this scenario behind."""
        if self.session:
            await self._end_session()
        if self.computer is not None and self.computer.program.status is None:
            with contextlib.suppress(ProgramEnded):  # told that its session ended, it may be on its way out
                await self.computer.quit()
        for name in self.unfocused:
            await self.stage.technicians[name].command("focus", "on")
        for owner, setting in sorted(self.changed):
            await self.stage.world.set(owner, **{setting.replace("-", "_"): SETTINGS[setting]})

    async def _end_session(self) -> None:
        """End the session for all, by what the technicians themselves can do.

        A lead's or a waiting entry ends it; the others start it first. Ended entries are left to who has them.
        """
        for _ in TECHNICIANS:
            left = [one for one in self.stage.technicians.values() if self._has_entry(one)]
            if not left:
                return
            for technician in left:
                for command in ("end", "start", "end"):
                    try:
                        await technician.command(command, self.session)
                    except CommandRefused:
                        continue  # not from this status; what follows is, or a colleague's command was enough
                    if command == "end":
                        break
            await asyncio.gather(*(technician.sync() for technician in self.stage.technicians.values()))
        raise StepFailed(f"the session {self.session} could not be ended")

    def _has_entry(self, technician: Technician) -> bool:
        status = technician.status(self.session)
        return status is not None and status not in (REMOVED, REMOVED_TIMED_OUT)
