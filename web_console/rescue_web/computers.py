"""Customers' computers that a supervisor started from his page: real processes, with switches for cable and power.

Computers that others started are theirs: they have no switches here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from rescue_common.processes.child import Event, Program, ProgramEnded, stop_all
from rescue_emulator.world.computer import Computer
from rescue_emulator.world.technician import CommandRefused

MOST = 50  # running at the same time
_LONGEST_NAME = 64


class NotPossible(Exception):
    """A switch cannot be thrown now; the message says why."""


class OwnComputer:
    """One of them. `cable` and `power` are "on" or "off"; `state` is the last that the computer told."""

    def __init__(self, number: int, computer: Computer, changed: Callable[[], None]) -> None:
        self.number = number
        self.computer = computer
        self.cable, self.power, self.state = "on", "on", "starting"
        self._changed = changed
        computer.program.listen(self._hear)

    @property
    def is_running(self) -> bool:
        """Whether its process is there."""
        return self.computer.program.status is None

    def told(self) -> dict[str, object]:
        """Return what the page shows of it."""
        return {
            "number": self.number,
            "name": self.computer.name,
            "session": self.computer.session or "",
            "applet": self.computer.applet_pid or 0,
            "cable": self.cable,
            "power": self.power,
            "state": self.state if self.is_running else "gone",
        }

    def _hear(self, event: Event) -> None:
        match event.get("event"):
            case "joined":
                self.state = "joined"
            case "cable":
                self.cable = str(event["state"])
            case "rebooting":
                self.power, self.state = "off", "rebooting"
            case "applet":
                self.power = "on"
            case "link":
                self.state = "joined" if event["state"] == "connected" else "lost"
            case "terms":
                self.state = "terms"
            case "ended":
                self.state = "gone"
            case "error":
                self.state = f"error: {event.get('message', '')}"
        self._changed()


class Computers:
    """All computers of this companion. `changed` hears of every change."""

    def __init__(self, *, where: list[str], changed: Callable[[], None]) -> None:
        self._where = where
        self._changed = changed
        self._computers: dict[int, OwnComputer] = {}
        self._counted = 0

    def told(self) -> list[dict[str, object]]:
        """Return what the page shows, by number."""
        return [one.told() for one in self._computers.values()]

    async def start(self, *, name: str, pin: str = "", channel: str = "") -> None:
        """Start a computer whose customer accepts the terms. Raises NotPossible."""
        if len([one for one in self._computers.values() if one.is_running]) >= MOST:
            raise NotPossible(f"there are {MOST} computers already")
        if bool(pin) == bool(channel) or len(name) > _LONGEST_NAME or not name.isprintable():
            raise NotPossible("a computer needs either a PIN or a channel, and a name on one short line")
        self._counted += 1
        way = ["--pin", pin] if pin else ["--channel", channel]
        called = ["--name", name] if name else []
        program = await Program.start(
            f"computer {self._counted}", "rescue_applet", *way, *called, "--terms", "accept", "--json", *self._where
        )
        computer = Computer(name or f"computer {self._counted}", program)
        self._computers[self._counted] = OwnComputer(self._counted, computer, self._changed)
        self._changed()
        try:
            await computer.joined(15)
        except ProgramEnded:
            raise NotPossible(_last_word(program)) from None
        except TimeoutError:
            raise NotPossible("the computer has not joined yet") from None

    async def switch(self, number: int, switch: str) -> None:
        """Throw a switch of a computer. Raises NotPossible."""
        own = self._computers.get(number)
        if own is None:
            raise NotPossible(f"there is no computer {number}")
        computer = own.computer
        act: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
            "lan-off": lambda: computer.cable("off"),
            "lan-on": lambda: computer.cable("on"),
            "reboot": computer.reboot,
            "shut-down": computer.reboot_hold,
            "boot": computer.boot,
            "close": computer.close,
            "unplug": computer.quit,
        }
        if switch == "forget" and not own.is_running:
            del self._computers[number]
        elif switch in act:
            try:
                await act[switch]()
            except (CommandRefused, ProgramEnded, TimeoutError) as error:
                raise NotPossible(str(error).partition("\n")[0]) from None
        else:
            raise NotPossible(f"a computer has no switch {switch!r}")
        self._changed()

    async def stop(self) -> None:
        """Stop them all: they go without a word."""
        with suppress(ExceptionGroup):
            await asyncio.shield(stop_all([one.computer.program for one in self._computers.values()]))


def where(server: str | None, data: Path | None) -> list[str]:
    """Return how a computer's program is told where the server is."""
    return [*(["--server", server] if server else []), *(["--data", str(data)] if data else [])]


def _last_word(program: Program) -> str:
    errors = [str(event["message"]) for event in program.events if event.get("event") == "error"]
    return errors[-1] if errors else "the computer could not join"
