"""A customer's computer as a real process: its network cable, its power, and what the customer does."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from types import TracebackType
from typing import Any

from rescue_common.durations import format_duration
from rescue_common.lan_notation import HalfOpen, Off, Reset, parse_lan_fault
from rescue_common.processes.child import Event, Program
from rescue_emulator.world.belongings import Belongings
from rescue_emulator.world.technician import CommandRefused


class LanOff:
    """The network cable is out: `await` it, or use it as a block."""

    def __init__(self, computer: Computer) -> None:
        self._computer = computer

    def __await__(self) -> Generator[Any, None, None]:
        return self.__aenter__().__await__()

    async def __aenter__(self) -> None:
        await self._computer.cable("off")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Only this one: other blocks may have faults of their own.
        await self._computer.lan_lift(Off.slot)


class LanFault:
    """A fault of the network: `await` it, or use it as a block."""

    def __init__(self, computer: Computer, fault: str) -> None:
        self._computer = computer
        self._fault = parse_lan_fault(fault)

    def __await__(self) -> Generator[Any, None, None]:
        return self.__aenter__().__await__()

    async def __aenter__(self) -> None:
        written = str(self._fault)
        await self._computer._send_and_wait(f"lan {written}", lambda line: written in line.get("faults", ()))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(self._fault, HalfOpen | Reset):
            return  # it happened at one moment; there is nothing to lift
        await self._computer.lan_lift(self._fault.slot)


class Computer:
    """A customer's computer that runs as a process, `program`. Get one from `World.computer`.

    `session` is the id of the session, once the applet has joined it. `applet_pid` is the applet's present process. All
    timeouts are real seconds. Methods that wait raise TimeoutError, ProgramEnded if the program has ended, and
    CommandRefused if the computer cannot do it now.
    """

    def __init__(self, name: str, program: Program, *, own: Belongings | None = None) -> None:
        self.name = name
        self.program = program
        self._own = own or Belongings()
        self._link = self._cable = ""
        self.session: str | None = None
        self.applet_pid: int | None = None
        program.listen(self._receive)

    async def event(self, wanted: str | Callable[[Event], bool], timeout: float = 10) -> Event:
        """Return the earliest event with this name, or that fits this predicate. Each event is returned once."""
        return await self.program.event(wanted, timeout)

    async def joined(self, timeout: float = 10) -> str:
        """Wait until the applet has joined its session; return the session's id."""
        return await self.program.until(lambda: self.session, timeout=timeout, what="event joined")

    def lan_off(self) -> LanOff:
        """Pull the cable: `await computer.lan_off()`, or `async with computer.lan_off():` for a block."""
        return LanOff(self)

    def lan(self, fault: str) -> LanFault:
        """Let the network fail: `await computer.lan("half-open")`, or `async with computer.lan("flap 3s/2s"):`.

        The notation is that of `lan` on the stdin of `rescue applet`. Different faults add up. Raises BadLanFault.
        """
        return LanFault(self, fault)

    async def lan_lift(self, fault: str) -> None:
        """Lift one fault of the network; the others stay: `await computer.lan_lift("loss up")`."""
        await self._send_and_wait(f"lan lift {fault}", _is("cable"))

    async def kill_applet(self) -> None:
        """Kill the applet's process; the computer starts it again. Returns at once."""
        await self._send_line("kill")

    async def lan_on(self) -> None:
        """Plug the cable in again."""
        await self.cable("on")

    async def cable(self, state: str) -> None:
        """Set the cable "off" or "on"; returns when it is in effect."""
        await self._send_and_wait(f"lan {state}", lambda line: line.get("event") == "cable" and line["state"] == state)

    async def accept(self) -> None:
        """Accept the terms, as the customer."""
        await self._send_line("accept")

    async def decline(self) -> None:
        """Decline the terms, as the customer."""
        await self._send_line("decline")

    async def chat(self, text: str) -> None:
        """Send a chat line, as the customer."""
        await self._send_line(f"chat {text}")

    async def reboot(self, duration: str | timedelta | None = None) -> None:
        """Reboot, as the customer; returns when the computer goes down. `duration` is emulated time."""
        written = format_duration(duration) if isinstance(duration, timedelta) else duration
        await self._send_and_wait(f"reboot {written}" if written else "reboot", _is("rebooting"))

    async def reboot_hold(self) -> None:
        """Shut down until `boot`, as the customer; returns when the computer goes down."""
        await self._send_and_wait("reboot hold", _is("rebooting"))

    async def boot(self) -> None:
        """Boot after `reboot_hold`; returns when the applet's process has started."""
        await self._send_and_wait("boot", _is("applet"))

    async def close(self) -> None:
        """Close the applet, as the customer. If the cable is out, the server is informed when it is back."""
        await self._send_line("close")

    async def quit(self) -> int:
        """Pull the power plug: the program ends without informing the server. Returns its exit status."""
        await self._send_line("quit")
        return await self.program.ended()

    async def ended(self, timeout: float = 10) -> int:
        """Wait until the program has ended by itself; return its exit status."""
        return await self.program.ended(timeout)

    def view(self) -> str:
        """Return how the computer is, as text for people."""
        state = ", ".join(filter(None, (self._link, self._cable)))
        return f"{self.name}: {state or 'has not joined'}" + (f" (session {self.session})" if self.session else "")

    async def _send_line(self, line: str) -> None:
        self._own.timeline.act(f"{self.name}: {line}")
        await self.program.send(line)

    async def _send_and_wait(self, line: str, wanted: Callable[[Event], bool], timeout: float = 10) -> None:
        before = len(self.program.events)  # only an answer to this line, not an older event of the same kind
        await self._send_line(line)
        answer = await self.program.until(
            lambda: next(
                (event for event in self.program.events[before:] if wanted(event) or _is("error")(event)), None
            ),
            timeout=timeout,
            what=f"answer to {line!r}",
        )
        if not wanted(answer):
            raise CommandRefused(self.name, line, answer)

    def _receive(self, event: Event) -> None:
        match event.get("event"):
            case "joined":
                self.session = str(event["session"])
                self._own.sessions.add(self.session)
            case "link":
                self._link = f"link {event['state']}"
            case "cable":
                self._cable = ", ".join((f"cable {event['state']}", *event.get("faults", ())))
            case "rebooting":
                self._link = "rebooting"
            case "ended":
                self._link = "the session is over"
            case "applet":
                self.applet_pid = int(event["pid"])


def _is(name: str) -> Callable[[Event], bool]:
    return lambda event: event.get("event") == name
