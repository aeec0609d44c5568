"""Customers' computers that a supervisor started from the page: real processes, with switches for cable and power.

Computers that others started have no switches here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from rescue_common.processes.child import Event, Program, ProgramEnded, stop_all

MAX_COMPUTERS = 50  # running at the same time
_LONGEST_NAME = 64


class NotPossible(Exception):
    """What was asked cannot be done now. `template` is the English reason without its `facts`."""

    def __init__(self, template: str, **facts: str) -> None:
        super().__init__(template.format_map(facts) if facts else template)
        self.template = template
        self.facts = facts


Answered = Callable[[Event], bool]


def _named(name: str) -> Answered:
    return lambda event: event.get("event") == name


def _cable_is(state: str) -> Answered:
    return lambda event: event.get("event") == "cable" and event["state"] == state


_SWITCHES: Mapping[str, tuple[str, Answered | None]] = MappingProxyType(
    {
        "lan-off": ("lan off", _cable_is("off")),
        "lan-on": ("lan on", _cable_is("on")),
        "reboot": ("reboot", _named("rebooting")),
        "shut-down": ("reboot hold", _named("rebooting")),
        "boot": ("boot", _named("applet")),
        "close": ("close", None),
        "unplug": ("quit", None),
    }
)
"""The command line of the computer for each switch, and the event that says that it is in effect, if one does."""


class OwnComputer:
    """One of them. `cable` and `power` are "on" or "off"; `state` is the last that the computer reported."""

    def __init__(self, number: int, name: str, program: Program, changed: Callable[[], None]) -> None:
        self.number = number
        self.name = name
        self.program = program
        self.cable, self.power, self.state = "on", "on", "starting"
        self.session = ""
        self.applet_pid = 0
        self._changed = changed
        program.listen(self._receive)

    @property
    def is_running(self) -> bool:
        """Whether its process is there."""
        return self.program.status is None

    def as_json(self) -> dict[str, object]:
        """Return what the page shows of it."""
        return {
            "number": self.number,
            "name": self.name,
            "session": self.session,
            "applet": self.applet_pid,
            "cable": self.cable,
            "power": self.power,
            "state": self.state if self.is_running else "gone",
        }

    async def joined(self, timeout: float) -> str:
        """Wait until the applet has joined its session; return the session's id. Raises ProgramEnded, TimeoutError."""
        return await self.program.until(lambda: self.session or None, timeout=timeout, what="event joined")

    async def send(self, line: str, answered: Answered | None, timeout: float = 10) -> None:
        """Send a command line and wait until it is in effect. Raises NotPossible, ProgramEnded, TimeoutError."""
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
            raise NotPossible(str(answer.get("message", "the computer refused it")))

    def _receive(self, event: Event) -> None:
        match event.get("event"):
            case "joined":
                self.state, self.session = "joined", str(event["session"])
            case "cable":
                self.cable = str(event["state"])
            case "rebooting":
                self.power, self.state = "off", "rebooting"
            case "applet":
                self.power, self.applet_pid = "on", int(event["pid"])
            case "link":
                self.state = "joined" if event["state"] == "connected" else "lost"
            case "terms":
                self.state = "terms"
            case "ended":
                self.state = "gone"
            case "error":
                self.state = f"error: {event.get('message', '')}"
        self._changed()


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

    async def start(self, *, name: str, pin: str = "", channel: str = "") -> None:
        """Start a computer whose customer accepts the terms. Raises NotPossible."""
        if len([one for one in self._computers.values() if one.is_running]) >= MAX_COMPUTERS:
            raise NotPossible("there are {number} computers already", number=str(MAX_COMPUTERS))
        if bool(pin) == bool(channel) or len(name) > _LONGEST_NAME or not name.isprintable():
            raise NotPossible("a computer needs either a PIN or a channel, and a name on one short line")
        self._counted += 1
        way = ["--pin", pin] if pin else ["--channel", channel]
        called = ["--name", name] if name else []
        program = await Program.start(
            f"computer {self._counted}", "rescue_applet", *way, *called, "--terms", "accept", "--json", *self._where
        )
        own = OwnComputer(self._counted, name or f"computer {self._counted}", program, self._changed)
        self._computers[self._counted] = own
        self._changed()
        try:
            await own.joined(15)
        except ProgramEnded:
            raise NotPossible(_last_word(program)) from None
        except TimeoutError:
            raise NotPossible("the computer has not joined yet") from None

    async def switch(self, number: int, switch: str) -> None:
        """Apply a switch to a computer. Raises NotPossible."""
        own = self._computers.get(number)
        if own is None:
            raise NotPossible("there is no computer {number}", number=str(number))
        if switch == "forget" and not own.is_running:
            del self._computers[number]
        elif switch in _SWITCHES:
            line, answered = _SWITCHES[switch]
            try:
                await own.send(line, answered)
                if switch == "unplug":
                    await own.program.ended()
            except (ProgramEnded, TimeoutError) as error:
                raise NotPossible(str(error).partition("\n")[0]) from None
        else:
            raise NotPossible("a computer has no switch {switch}", switch=repr(switch))
        self._changed()

    async def stop(self) -> None:
        """Stop them all, as if their plugs were pulled."""
        with suppress(ExceptionGroup):
            await asyncio.shield(stop_all([one.program for one in self._computers.values()]))


def where(server: str | None, data: Path | None) -> list[str]:
    """Return the options that give a computer's program the server's address."""
    return [*(["--server", server] if server else []), *(["--data", str(data)] if data else [])]


def _last_word(program: Program) -> str:
    errors = [str(event["message"]) for event in program.events if event.get("event") == "error"]
    return errors[-1] if errors else "the computer could not join"
