"""Telling a scenario to a class: what happens, what each console shows of it and why, and now and then a question."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import click

from rescue_emulator.scenarios.faults import ADD, LAN, lan_sentence
from rescue_emulator.scenarios.model import Scenario, Step
from rescue_emulator.scenarios.results import name_of
from rescue_protos.status_table import labels, read_rows

if TYPE_CHECKING:
    from rescue_emulator.world.records import StatusUpdate

_SECONDS_A_WORD = 0.3  # real time; about how fast people read
_SENTENCES = {
    "pin": "{who} makes a PIN code",
    "start": "{who} starts the session",
    "hold": "{who} puts the session on hold",
    "end": "{who} ends the session",
    "reboot": "{who} reboots the computer",
    "run applet": "{who} runs the applet",
    "close": "{who} closes the applet",
    "quit": "{who}'s computer loses its power",
    "kill applet": "the applet of {who} crashes",
    "accept": "{who} accepts the terms",
    "decline": "{who} declines the terms",
    "boot": "{who}'s computer boots",
    "focus off": "{who} turns to another window",
    "focus on": "{who} turns back to the console",
    "lead accept": "{who} accepts the lead",
    "lead cancel": "{who} takes back the offer of the lead",
}


class Speaker:
    """Tells people on a terminal.

    `pause` is how much time they get to read, 1 for a normal reader, 0 for none. With `step` every step waits for
    Enter. A question waits for an answer if there is somebody to `ask`, else it is answered at once.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        say: Callable[[str], None],
        pause: float,
        step: bool = False,
        ask: Callable[[str], str] | None = None,
    ) -> None:
        self._scenario = scenario
        self._say = say
        self._pause = pause
        self._step = step
        self._ask = ask
        self._expected: tuple[str, str] | None = None
        self.right = self.asked = 0

    async def begin(self) -> None:
        """Tell what it is about."""
        self._say(click.style(name_of(self._scenario), bold=True))
        if self._scenario.about:
            await self._tell(self._scenario.about)

    async def before(self, step: Step) -> None:
        if "sees" in step.what.split() and step.who in self._scenario.technicians:
            return  # what it shows is told anyway
        if step.who == "say":
            await self._tell(f"\n{step.what}")
            return
        await self._tell(f"\n● {sentence(step)}.")
        if self._step and self._ask is not None:
            await asyncio.to_thread(self._ask, "  (Enter) ")

    async def ask(self, step: Step) -> None:
        name, _, expected = step.what.partition(" sees ")
        status, _, customer = expected.partition(" for ")
        whose = f" of {customer.capitalize()}'s session" if customer else ""
        question = f"\n? Which status will {name} see now{whose}? "
        self.asked += 1
        if self._ask is None:
            self._say(question)
            await asyncio.sleep(3 * self._pause)
            self._say(f"  {status}.")
            return
        _forget_typed()
        given = (await asyncio.to_thread(self._ask, question)).strip()
        fits = given.casefold() in {status.casefold(), labels("nl")[status].casefold()}
        self.right += fits
        self._say(f"  {'Right' if fits else 'No'}: {status}.")

    async def after(self, step: Step, changes: list[tuple[str, str, StatusUpdate]]) -> None:
        for name, customer, update in changes:
            whose = f" ({customer})" if len(self._scenario.customers) > 1 else ""
            change = f"{update.previous} → {update.status}" if update.previous else update.status
            heading = ""
            if update.row is not None:
                row = read_rows()[update.row - 1]
                heading = f" [row {row.row}]"
            line = f"    {update.at:%H:%M:%S}  {name}{whose}: {click.style(change, bold=True)}{heading}"
            await self._tell(f"{line}\n              because {update.cause}")

    def end(self) -> None:
        """Say how the quiz went, if somebody was asked."""
        if self.asked and self._ask is not None:
            self._say(f"\n{self.right} of {self.asked} right.")

    async def _tell(self, text: str) -> None:
        self._say(text)
        if self._pause:
            await asyncio.sleep(min(len(text.split()) * _SECONDS_A_WORD * self._pause, 6))


def sentence(step: Step) -> str:
    """Return a step in plain words."""
    said = _sentence(step, step.who.capitalize())
    return said[:1].upper() + said[1:]


def _sentence(step: Step, who: str) -> str:
    what = step.what
    match step.who:
        case "clock":
            return f"{what.removeprefix('advance ')} go by"
        case "admin" if what.startswith(ADD):
            return f"the administrator adds a fault: {what.removeprefix(ADD)}"
        case "admin":
            return f"the administrator sets {what.removeprefix('set ')}"
        case "server":
            return {"kill": "the server crashes", "start": "the server starts", "restart": "the server restarts"}[what]
    if what.startswith(LAN):
        return lan_sentence(what.removeprefix(LAN), who)
    plain, _, customer = what.partition(" for ")
    if plain in _SENTENCES:
        return _SENTENCES[plain].format(who=who) + (f" for {customer.capitalize()}" if customer else "")
    if what.startswith("cannot "):
        return f"{who} tries to {what.removeprefix('cannot ')}, in vain"
    verb, _, rest = what.partition(" ")
    return f"{who} {_VERBS.get(verb, verb)} {rest}"


_VERBS = {
    "transfer": "transfers the session to",
    "invite": "invites",
    "remove": "removes",
    "lead": "does about the lead:",
    "open": "opens",
    "close": "closes",
    "chat": "writes:",
    "reboot": "reboots the computer,",
    "run": "runs the",
}


def somebody_to_ask() -> Callable[[str], str] | None:
    """Return how to ask the person at the terminal; None if there is nobody."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    return partial(_ask)


def _forget_typed() -> None:
    """An Enter too many, before a question was there, is no answer to it."""
    with contextlib.suppress(ImportError):  # this platform's terminals have no such thing
        import termios

        if sys.stdin.isatty():
            termios.tcflush(sys.stdin, termios.TCIFLUSH)


def _ask(question: str) -> str:
    try:
        return input(question)
    except EOFError:
        return ""
