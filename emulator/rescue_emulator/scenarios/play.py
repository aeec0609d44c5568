"""One scenario in progress: its steps are taken and narrated, and its effects are undone at the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from rescue_common.durations import parse_duration
from rescue_common.processes.child import ProgramEnded
from rescue_emulator.scenarios.faults import ADD, LIFT, find_customer_without_session, rule_for
from rescue_emulator.scenarios.model import Scenario, Step
from rescue_emulator.scenarios.reader import split_customer
from rescue_emulator.scenarios.settings import SETTINGS
from rescue_emulator.world.external_server import end_session
from rescue_emulator.world.technician import CommandRefused
from rescue_protos.errors import RescueError

if TYPE_CHECKING:
    from rescue_emulator.scenarios.stage import Stage
    from rescue_emulator.world.computer import Computer
    from rescue_emulator.world.records import StatusUpdate
    from rescue_emulator.world.technician import Technician

#: Real seconds to wait for a status; an applet may need 5 to reconnect when the LAN is back.
_STATUS_TIMEOUT = 15.0


class StepFailed(Exception):
    """A step could not be taken; the message says why."""


class Narrator(Protocol):
    """Presents a scenario to people while it is played. The player waits for it."""

    async def before(self, step: Step) -> None:
        """Present a step before it is taken."""

    async def ask(self, step: Step) -> None:
        """Ask the quiz question: what will a queue show now? Its present status was not presented yet."""

    async def after(self, step: Step, changes: list[tuple[str, str, StatusUpdate]]) -> None:
        """Present the new updates (technician, customer, update) after a step."""


@dataclass(slots=True, kw_only=True)
class CustomerCall:
    """One customer's call for help."""

    session: str = ""
    pin: str = ""
    computer: Computer | None = None


@dataclass(slots=True, kw_only=True)
class Play:
    """A scenario on a stage: its calls, and what it changed."""

    stage: Stage
    scenario: Scenario
    narrator: Narrator | None
    calls: dict[str, CustomerCall] = field(default_factory=dict)
    changed: set[tuple[str, str]] = field(default_factory=set)
    unfocused: set[str] = field(default_factory=set)
    has_fault_rules: bool = False
    computers: int = 0  # how many were started
    narrated: set[tuple[str, int]] = field(default_factory=set)

    def seen(self, customer: str) -> dict[str, list[StatusUpdate]]:
        """Return what each console showed of a customer's session."""
        session = self._call(customer).session
        return {name: technician.history(session) for name, technician in self.stage.technicians.items()}

    async def prepare(self) -> None:
        """Change the settings, and add the technicians that the stage does not have yet."""
        for owner, settings in self.scenario.settings.items():
            await self._set(owner, settings)
        world = self.stage.world
        for name, group in self.scenario.extra.items():
            if name not in self.stage.technicians:
                with contextlib.suppress(RescueError):  # an earlier scenario may have added the technician
                    await world.admin.add_technician(name, group=group)
                self.stage.technicians[name] = await world.technician(name, lang=self.stage.lang)

    async def take(self, step: Step) -> None:
        """Take a step; with a narrator, present it before and its updates after."""
        if self.narrator is None:
            await self._perform(step)
            return
        if step.who == "quiz":
            await self.narrator.ask(step)
        else:
            await self.narrator.before(step)
        await self._perform(step)
        if not self._is_quiz_next(step):
            await self.stage.sync()
            await self._narrate_updates(step)

    async def narrate_rest(self) -> None:
        """Present the updates that came after the last step."""
        if self.narrator is not None:
            await self._narrate_updates(self.scenario.steps[-1])

    def _is_quiz_next(self, step: Step) -> bool:
        at = next(number for number, one in enumerate(self.scenario.steps) if one is step)
        return at + 1 < len(self.scenario.steps) and self.scenario.steps[at + 1].who == "quiz"

    async def _narrate_updates(self, step: Step) -> None:
        fresh = []
        for customer in self.scenario.customers:
            for name, updates in self.seen(customer).items():
                fresh += [(name, customer, one) for one in updates if (name, one.revision) not in self.narrated]
        fresh.sort(key=lambda change: (change[2].revision, change[0]))
        self.narrated |= {(name, update.revision) for name, _, update in fresh}
        if self.narrator is not None:
            await self.narrator.after(step, fresh)

    async def _perform(self, step: Step) -> None:
        """Perform a step. Raises StepFailed, and what the world raises."""
        match step.who:
            case "say":
                return
            case "admin" if step.what.startswith(ADD):
                await self._add_fault(step.what.removeprefix(ADD))
            case "admin":
                _, owner, setting = step.what.split(" ", 2)
                name, _, value = setting.partition("=")
                await self._set(owner, {name: value})
            case "clock":
                await self._advance(parse_duration(step.what.removeprefix("advance ")))
            case "server":
                await self._server(step.what)
            case "quiz":
                name, _, expected = step.what.partition(" ")
                await self._technician(name, expected)
            case customer if customer in self.scenario.customers:
                await self._customer(self._call(customer), customer, step.what)
            case technician:
                await self._technician(technician, step.what)

    def _call(self, customer: str) -> CustomerCall:
        return self.calls.setdefault(customer, CustomerCall())

    async def _set(self, owner: str, settings: Mapping[str, str]) -> None:
        self.changed |= {(owner, name) for name in settings}
        await self.stage.world.set(owner, **settings)

    async def _add_fault(self, rule: str) -> None:
        numbers = {customer: self._call(customer).session for customer in self.scenario.customers}
        if customer := find_customer_without_session(rule, numbers):
            raise StepFailed(f"{customer} has no session yet that a fault could happen to")
        self.has_fault_rules = True
        await self.stage.world.faults.add(rule_for(rule, numbers))

    async def _advance(self, by: timedelta) -> None:
        world = self.stage.world
        if not self.stage.running:
            await world.advance(by)
            return
        reading = await world.clock.show()
        until = reading.now + by
        while reading.now < until:
            await asyncio.sleep(max((until - reading.now).total_seconds() / reading.speed, 0.01))
            reading = await world.clock.show()

    async def _server(self, what: str) -> None:
        match what:
            case "kill":
                await self.stage.world.kill_server()
            case "start" | "restart":
                await self.stage.world.restart_server()

    async def _customer(self, call: CustomerCall, name: str, what: str) -> None:
        if what.startswith("run applet"):
            await self._run_applet(call, name, what.split()[2:])
            return
        computer = call.computer
        if computer is None:
            raise StepFailed(f"{name} has not run the applet")
        verb, _, rest = what.partition(" ")
        match verb:
            case "lan" if rest in ("on", "off"):
                await computer.cable(rest)
            case "lan" if rest.startswith(LIFT):
                await computer.lan_lift(rest.removeprefix(LIFT))
            case "lan":
                await computer.lan(rest)
            case "reboot" if rest == "hold":
                await computer.reboot_hold()
            case "reboot":
                await computer.reboot(rest or None)
            case "kill":
                if computer.applet_pid is not None:
                    os.kill(computer.applet_pid, signal.SIGKILL)
            case "chat":
                await computer.chat(rest)
            case "boot":
                await computer.boot()
            case "close":
                await computer.close()
            case "quit":
                await computer.quit()
            case "accept":
                await computer.accept()
            case "decline":
                await computer.decline()

    async def _run_applet(self, call: CustomerCall, name: str, options: list[str]) -> None:
        chosen = dict(option.split(":", 1) for option in options)
        terms = chosen.get("terms", "accept")
        channel = chosen.get("channel")
        pin = None if channel else call.pin
        if pin == "":
            raise StepFailed(f"{name} has no PIN yet")
        world = self.stage.world
        # Of the story alone, not of what was played before it in this world.
        seed = world.seed + self.computers
        self.computers += 1
        computer = call.computer = await world.computer(
            pin=pin, channel=channel, terms=terms, wait=False, options=("--seed", str(seed))
        )
        match terms:
            case "accept":
                call.session = await computer.joined(_STATUS_TIMEOUT)
            case "ask":
                await computer.event("terms", _STATUS_TIMEOUT)
            case "decline":
                await computer.ended(_STATUS_TIMEOUT)

    async def _technician(self, name: str, action: str) -> None:
        technician = self.stage.technicians[name]
        what, customer = split_customer(action, self.scenario.customers)
        call = self._call(customer)
        if what.startswith("cannot "):
            with contextlib.suppress(CommandRefused):
                await self._command(technician, call, what.removeprefix("cannot "))
                raise StepFailed(f"{name} could {what.removeprefix('cannot ')}")
            return
        verb, _, rest = what.partition(" ")
        match verb:
            case "pin":
                call.session, call.pin = await technician.pin(customer.capitalize())
            case "sees":
                # The status from before the last step must not count.
                await technician.sync()
                await technician.sees(call.session, rest, timeout=_STATUS_TIMEOUT)
            case "focus":
                await technician.focus(rest == "on")
                if rest == "on":
                    self.unfocused.discard(name)
                else:
                    self.unfocused.add(name)
            case _:
                await self._command(technician, call, what)

    async def _command(self, technician: Technician, call: CustomerCall, what: str) -> None:
        verb, _, rest = what.partition(" ")
        match verb:
            case "transfer":
                target, _, comment = rest.partition(" comment ")
                await technician.transfer(call.session, target, comment=comment)
            case "invite":
                await technician.invite(call.session, rest)
            case "remove":
                await technician.remove(call.session, rest)
            case "lead" if rest.startswith("offer "):
                await technician.offer_lead(call.session, rest.removeprefix("offer "))
            case _:
                await technician.command(verb, call.session, *rest.split())

    async def clear(self) -> None:
        """Undo all effects of this scenario. Raises StepFailed, and what the world raises."""
        technicians = list(self.stage.technicians.values())
        if self.stage.world.is_owner and self.stage.world.server.status is not None:
            await self.stage.world.restart_server()
        if self.has_fault_rules:
            await self.stage.world.faults.clear()
        for call in self.calls.values():
            if call.session and not await end_session(call.session, technicians):
                raise StepFailed(f"the session {call.session} could not be ended")
            if call.computer is not None and call.computer.program.status is None:
                with contextlib.suppress(ProgramEnded):  # its session has ended, so the program may be ending too
                    await call.computer.quit()
        for name in self.unfocused:
            await self.stage.technicians[name].focus(True)
        for owner in sorted({owner for owner, _ in self.changed}):
            defaults = {name: SETTINGS[name] for whose, name in self.changed if whose == owner}
            await self.stage.world.set(owner, **defaults)
