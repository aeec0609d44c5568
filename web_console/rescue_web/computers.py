"""Customers' computers that were started from the pages: real processes, with switches for cable and power.

Computers that others started have no switches here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import msgspec

from rescue_applet import events
from rescue_applet.texts import problem
from rescue_applet.view_model import Power, ScreenModel
from rescue_common.processes.child import Event, Program, ProgramEnded, stop_all
from rescue_web.texts import page_text

MAX_COMPUTERS = 50  # running at the same time
_LONGEST_NAME = 64
_LONGEST_CHAT = 2000
_JOINING = 15.0  # real seconds


class NotPossible(Exception):
    """What was asked cannot be done now. `template` is the English reason without its `facts`."""

    def __init__(self, template: str, **facts: str) -> None:
        super().__init__(template.format_map(facts) if facts else template)
        self.template = template
        self.facts = facts

    def text(self, language: str) -> str:
        """Return the reason in a language."""
        return page_text(self.template, language, **self.facts)


class ComputerRefused(NotPossible):
    """The computer or its applet refused it."""

    def __init__(self, error: events.Error) -> None:
        super().__init__(error.message)
        self._error = error

    def text(self, language: str) -> str:
        """Return the reason in a language."""
        return problem(self._error, language)


Answered = Callable[[Event], bool]


def _named(name: str) -> Answered:
    return lambda event: event.get("event") == name


def _cable_is(state: str) -> Answered:
    return lambda event: event.get("event") == "cable" and event["state"] == state


_SWITCHES: Mapping[str, tuple[str, Answered | None]] = MappingProxyType(
    {
        "accept": ("accept", _named("joined")),
        "decline": ("decline", _named("ended")),
        "lan-off": ("lan off", _cable_is("off")),
        "lan-on": ("lan on", _cable_is("on")),
        "reboot": ("reboot", _named("rebooting")),
        "shut-down": ("reboot hold", _named("rebooting")),
        "boot": ("boot", _named("applet")),
        "kill": ("kill", _named("applet")),
        "close": ("close", None),
        "unplug": ("quit", None),
    }
)
"""The command line of the computer for each switch, and the event that says that it is in effect, if one does."""


class OwnComputer:
    """One of them. `model` is what its customer sees."""

    def __init__(self, number: int, name: str, program: Program) -> None:
        self.number = number
        self.name = name
        self.program = program
        self.model = ScreenModel()
        self._last_error: events.Error | None = None
        self._listeners: list[Callable[[events.Event | None], None]] = []
        program.listen(self._receive)
        self._ending = asyncio.create_task(self._ended())

    def listen(self, listener: Callable[[events.Event | None], None]) -> None:
        """Call `listener` after each event, with the event; with None when the process has ended."""
        self._listeners.append(listener)

    @property
    def is_running(self) -> bool:
        """Whether its process is there."""
        return self.program.status is None

    @property
    def state(self) -> str:
        """What its customer is at, in a word."""
        model = self.model
        if not self.is_running or model.ended:
            return "gone"
        if model.power is Power.OFF or (model.link is None and model.starts > 1):
            return "rebooting"
        if model.asks_terms:
            return "terms"
        if not model.session:
            return "starting"
        return "lost" if model.link is events.LinkState.LOST else "joined"

    def as_json(self) -> dict[str, object]:
        """Return what the supervisor's page shows of it."""
        return {
            "number": self.number,
            "name": self.name,
            "session": self.model.session,
            "applet": self.model.pid,
            "cable": "on" if self.model.cable else "off",
            "power": "off" if self.model.power is Power.OFF else "on",
            "state": self.state,
        }

    @property
    def last_error(self) -> events.Error:
        """Why it ended, if it did not by itself."""
        return self._last_error or events.Error(message="the computer could not join")

    async def joined(self) -> None:
        """Wait until the applet has joined, or asks about the terms. Raises NotPossible."""
        try:
            await self.program.until(
                lambda: self.model.session or self.model.terms or None, timeout=_JOINING, what="event joined"
            )
        except ProgramEnded:
            raise ComputerRefused(self.last_error) from None
        except TimeoutError:
            raise NotPossible("the computer has not joined yet") from None

    async def switch(self, switch: str) -> None:
        """Apply a switch, and wait until it is in effect. Raises NotPossible."""
        if switch not in _SWITCHES:
            raise NotPossible("a computer has no switch {switch}", switch=repr(switch))
        line, answered = _SWITCHES[switch]
        try:
            await self._send(line, answered)
            if switch == "unplug":
                await self.program.ended()
        except (ProgramEnded, TimeoutError) as error:
            raise NotPossible(str(error).partition("\n")[0]) from None

    async def chat(self, text: str) -> None:
        """Let the customer write a line. Raises NotPossible; a refusal of the server comes as an event."""
        if not text.strip() or len(text) > _LONGEST_CHAT or not text.isprintable():
            raise NotPossible("a chat line is one line of at most {limit} characters", limit=str(_LONGEST_CHAT))
        self.model = self.model.with_unsent(text)
        self._notify(None)
        try:
            await self.program.send(f"chat {text}")
        except ProgramEnded:
            raise NotPossible("the computer is gone") from None

    async def _send(self, line: str, answered: Answered | None, timeout: float = 10) -> None:
        before = len(self.program.events)  # only an answer to this line, not an older event of the same kind
        await self.program.send(line)
        if answered is None:
            return
        answer = await self.program.until(
            lambda: next((e for e in self.program.events[before:] if answered(e) or _named("error")(e)), None),
            timeout=timeout,
            what=f"answer to {line!r}",
        )
        if not answered(answer):
            raise ComputerRefused(msgspec.convert(answer, events.Error))

    def _receive(self, line: Event) -> None:
        with suppress(msgspec.ValidationError):  # of a newer computer
            event: events.Event = msgspec.convert(line, events.Event)
            if isinstance(event, events.Error):
                self._last_error = event
            self.model = self.model.after(event)
            self._notify(event)

    async def _ended(self) -> None:
        with suppress(TimeoutError):
            await self.program.ended(timeout=float("inf"))
        self._notify(None)

    def _notify(self, event: events.Event | None) -> None:
        for listener in self._listeners:
            listener(event)


class StartedComputers:
    """All computers of this companion. `changed` is called after every change."""

    def __init__(self, *, where: list[str], changed: Callable[[], None]) -> None:
        self._where = where
        self._changed = changed
        self._computers: dict[int, OwnComputer] = {}
        self._counted = 0

    def as_json(self) -> list[dict[str, object]]:
        """Return what the page shows, by number."""
        return [one.as_json() for one in self._computers.values()]

    async def start(self, *, name: str, pin: str = "", channel: str = "", terms: str = "accept") -> OwnComputer:
        """Start a computer, and wait until it has joined a session. Raises NotPossible.

        `terms` is "accept" or "ask".
        """
        if len([one for one in self._computers.values() if one.is_running]) >= MAX_COMPUTERS:
            raise NotPossible("there are {number} computers already", number=str(MAX_COMPUTERS))
        if bool(pin) == bool(channel) or len(name) > _LONGEST_NAME or not name.isprintable():
            raise NotPossible("a computer needs either a PIN or a channel, and a name on one short line")
        self._counted += 1
        way = ["--pin", pin] if pin else ["--channel", channel]
        called = ["--name", name] if name else []
        program = await Program.start(
            f"computer {self._counted}", "rescue_applet", *way, *called, "--terms", terms, "--json", *self._where
        )
        own = OwnComputer(self._counted, name or f"computer {self._counted}", program)
        own.listen(lambda _: self._changed())
        self._computers[own.number] = own
        self._changed()
        try:
            await own.joined()
        except NotPossible:
            await program.stop()
            self.forget(own)
            raise
        return own

    async def switch(self, number: int, switch: str) -> None:
        """Apply a switch to a computer. Raises NotPossible."""
        own = self._computers.get(number)
        if own is None:
            raise NotPossible("there is no computer {number}", number=str(number))
        if switch == "forget" and not own.is_running:
            self.forget(own)
        else:
            await own.switch(switch)
        self._changed()

    def forget(self, own: OwnComputer) -> None:
        """Show a computer no longer."""
        self._computers.pop(own.number, None)
        self._changed()

    async def switch_sessions(self, sessions: Collection[str], switch: str) -> int:
        """Apply a switch to the running computers in these sessions; return how many there were. Raises NotPossible."""
        there = [one for one in self._computers.values() if one.is_running and one.model.session in sessions]
        await asyncio.gather(*(one.switch(switch) for one in there))
        return len(there)

    async def stop(self) -> None:
        """Stop them all, as if their plugs were pulled."""
        with suppress(ExceptionGroup):
            await asyncio.shield(stop_all([one.program for one in self._computers.values()]))


def where(server: str | None, data: Path | None) -> list[str]:
    """Return the options that give a computer's program the server's address."""
    return [*(["--server", server] if server else []), *(["--data", str(data)] if data else [])]
