"""A customer's computer as a real process: its cable, its power, and the customer in front of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from types import TracebackType
from typing import Any

from rescue_common.durations import format_duration
from rescue_common.lan_notation import HalfOpen, Off, Reset, parse_lan_fault
from rescue_common.processes.child import Event, Program
from rescue_emulator.world.technician import CommandRefused


class LanOff:
    """The cable pulled out: `await` it, or let it last for a block."""

    def __init__(self, computer: Computer) -> None:
        self._computer = computer

    def __await__(self) -> Generator[Any, None, None]:
        return self.__aenter__().__await__()

    async def __aenter__(self) -> None:
        await self._computer.cable("off")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Just this: other faults may be in force for blocks of their own.
        await self._computer.lan_lift(Off.slot)


class LanFault:
    """Something wrong with the network: `await` it, or let it last for a block."""

    def __init__(self, computer: Computer, fault: str) -> None:
        self._computer = computer
        self._fault = parse_lan_fault(fault)

    def __await__(self) -> Generator[Any, None, None]:
        return self.__aenter__().__await__()

    async def __aenter__(self) -> None:
        written = str(self._fault)
        await self._computer._after(f"lan {written}", lambda line: written in line.get("faults", ()))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(self._fault, HalfOpen | Reset):
            return  # it struck, and is over
        await self._computer.lan_lift(self._fault.slot)


class Computer:
    """A customer's computer that runs as a process, `program`. Get one from `World.computer`.

    `session` is set once the applet has joined one, `applet_pid` is the applet's process at present. All
    `timeout`s are real seconds; what waits raises TimeoutError, ProgramEnded if the computer is gone, and
    CommandRefused if it cannot do that now.
    """

    def __init__(self, name: str, program: Program) -> None:
        self.name = name
        self.program = program
        self.session: str | None = None
        self.applet_pid: int | None = None
        program.listen(self._hear)

    async def event(self, wanted: str | Callable[[Event], bool], timeout: float = 10) -> Event:
        """Return the earliest line of the computer that fits, by name or predicate; each is returned once."""
        return await self.program.event(wanted, timeout)

    async def joined(self, timeout: float = 10) -> str:
        """Wait until the applet has joined its session; return the session's id."""
        return await self.program.until(lambda: self.session, timeout=timeout, what="event joined")

    def lan_off(self) -> LanOff:
        """Pull the cable: `await computer.lan_off()`, or `async with computer.lan_off():` for a while."""
        return LanOff(self)

    def lan(self, fault: str) -> LanFault:
        """Let the network fail: `await computer.lan("half-open")`, or `async with computer.lan("flap 3s/2s"):`.

        Faults are as on the stdin of `rescue applet` after `lan`; blocks of different ones add up. Raises BadLanFault.
        """
        return LanFault(self, fault)

    async def lan_lift(self, fault: str) -> None:
        """One fault of the network is over, and the others stay: `await computer.lan_lift("loss up")`."""
        await self._after(f"lan lift {fault}", _is("cable"))

    async def kill_applet(self) -> None:
        """The applet's process dies without a word, and the computer starts it again; returns at once."""
        await self.program.send("kill")

    async def lan_on(self) -> None:
        """Put the cable back in."""
        await self.cable("on")

    async def cable(self, state: str) -> None:
        """Set the cable "off" or "on"; returns when that is in force."""
        await self._after(f"lan {state}", lambda line: line.get("event") == "cable" and line["state"] == state)

    async def accept(self) -> None:
        """The customer accepts the terms."""
        await self.program.send("accept")

    async def decline(self) -> None:
        """The customer declines the terms."""
        await self.program.send("decline")

    async def chat(self, text: str) -> None:
        """The customer writes a line."""
        await self.program.send(f"chat {text}")

    async def reboot(self, duration: str | timedelta | None = None) -> None:
        """The customer reboots; returns when the computer goes down. `duration` is emulated time."""
        written = format_duration(duration) if isinstance(duration, timedelta) else duration
        await self._after(f"reboot {written}" if written else "reboot", _is("rebooting"))

    async def reboot_hold(self) -> None:
        """The customer shuts it down until `boot`; returns when the computer goes down."""
        await self._after("reboot hold", _is("rebooting"))

    async def boot(self) -> None:
        """Boot what `reboot_hold` shut down; returns when the applet's process has started."""
        await self._after("boot", _is("applet"))

    async def close(self) -> None:
        """The customer closes the applet. With the cable pulled the goodbye waits for its return."""
        await self.program.send("close")

    async def quit(self) -> int:
        """The plug is pulled: the computer goes away without a word. Returns its exit status."""
        await self.program.send("quit")
        return await self.program.ended()

    async def ended(self, timeout: float = 10) -> int:
        """Wait until the computer's program has ended by itself and return its exit status."""
        return await self.program.ended(timeout)

    async def _after(self, line: str, wanted: Callable[[Event], bool], timeout: float = 10) -> None:
        before = len(self.program.events)  # an answer to this line, not an older event of that kind
        await self.program.send(line)
        answer = await self.program.until(
            lambda: next((e for e in self.program.events[before:] if wanted(e) or _is("error")(e)), None),
            timeout=timeout,
            what=f"answer to {line!r}",
        )
        if not wanted(answer):
            raise CommandRefused(self.name, line, answer)

    def _hear(self, event: Event) -> None:
        match event.get("event"):
            case "joined":
                self.session = str(event["session"])
            case "applet":
                self.applet_pid = int(event["pid"])


def _is(name: str) -> Callable[[Event], bool]:
    return lambda event: event.get("event") == name
