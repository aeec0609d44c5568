"""Presents a scenario to a class: what happens, what each console shows and why, and quiz questions."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from rescue_emulator.scenarios.model import Scenario, Step
from rescue_emulator.scenarios.results import name_of
from rescue_emulator.scenarios.sentences import sentence
from rescue_protos.status_table import labels, read_rows

if TYPE_CHECKING:
    from rescue_emulator.world.records import StatusUpdate

_SECONDS_A_WORD = 0.3  # real time; about the speed of a reader


class TerminalNarrator:
    """Presents a scenario on a terminal.

    `pause` is the time to read: 1 for a normal reader, 0 for none. With `step`, every step waits for Enter. A question
    waits for the answer of `ask`; without it, the answer is shown after a pause.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        show: Callable[[str], None],
        pause: float,
        step: bool = False,
        ask: Callable[[str], str] | None = None,
    ) -> None:
        self._scenario = scenario
        self._show = show
        self._pause = pause
        self._step = step
        self._ask = ask
        self.right = self.questions = 0

    async def begin(self) -> None:
        """Present the title and the introduction."""
        self._show(click.style(name_of(self._scenario), bold=True))
        if self._scenario.about:
            await self._present(self._scenario.about)

    async def before(self, step: Step) -> None:
        if "sees" in step.what.split() and step.who in self._scenario.technicians:
            return  # the updates are presented anyway
        if step.who == "say":
            await self._present(f"\n{step.what}")
            return
        await self._present(f"\n● {sentence(step)}.")
        if self._step and self._ask is not None:
            await asyncio.to_thread(self._ask, "  (Enter) ")

    async def ask(self, step: Step) -> None:
        name, _, expected = step.what.partition(" sees ")
        status, _, customer = expected.partition(" for ")
        whose = f" of {customer.capitalize()}'s session" if customer else ""
        question = f"\n? Which status will {name} see now{whose}? "
        self.questions += 1
        if self._ask is None:
            self._show(question)
            await asyncio.sleep(3 * self._pause)
            self._show(f"  {status}.")
            return
        _discard_typed()
        given = (await asyncio.to_thread(self._ask, question)).strip()
        fits = given.casefold() in {status.casefold(), labels("nl")[status].casefold()}
        self.right += fits
        self._show(f"  {'Right' if fits else 'No'}: {status}.")

    async def after(self, step: Step, changes: list[tuple[str, str, StatusUpdate]]) -> None:
        for name, customer, update in changes:
            whose = f" ({customer})" if len(self._scenario.customers) > 1 else ""
            change = f"{update.previous} → {update.status}" if update.previous else update.status
            heading = ""
            if update.row is not None:
                row = read_rows()[update.row - 1]
                heading = f" [row {row.row}]"
            line = f"    {update.at:%H:%M:%S}  {name}{whose}: {click.style(change, bold=True)}{heading}"
            await self._present(f"{line}\n              because {update.cause}")

    def end(self) -> None:
        """Print the score of the quiz, if somebody answered."""
        if self.questions and self._ask is not None:
            self._show(f"\n{self.right} of {self.questions} right.")

    async def _present(self, text: str) -> None:
        self._show(text)
        if self._pause:
            await asyncio.sleep(min(len(text.split()) * _SECONDS_A_WORD * self._pause, 6))


def find_reader() -> Callable[[str], str] | None:
    """Return a function that asks the person at the terminal; None if stdin or stdout is no terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    return _ask


def _discard_typed() -> None:
    """Discard what was typed before the question was shown; it is no answer."""
    with contextlib.suppress(ImportError):  # termios does not exist on this platform
        import termios

        if sys.stdin.isatty():
            termios.tcflush(sys.stdin, termios.TCIFLUSH)


def _ask(question: str) -> str:
    try:
        return input(question)
    except EOFError:
        return ""
