"""A whole emulator for a test or a script: server, consoles and computers as real processes, and their end.

async with World() as world:
    alice = await world.technician("alice")
    session, pin = await alice.pin("Customer")
    computer = await world.computer(pin=pin)
    await alice.sees(session, "Waiting")
    async with computer.lan_off():
        await world.advance(minutes=1)
        await alice.sees(session, "Reconnecting")
    await alice.sees(session, "Waiting")
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from rescue_emulator.administration import AdminClient, Settings
from rescue_emulator.calling import Caller
from rescue_emulator.clock import ClockClient, ClockReading
from rescue_emulator.computer import Computer
from rescue_emulator.processes import Program, stop_all
from rescue_emulator.technician import Technician
from rescue_protos.access import Access

ADMINISTRATOR = "admin"
_START_TIMEOUT = 30.0  # real seconds, for a process on a busy machine
_PATIENCE = timedelta(seconds=30)  # for how long calls outlast a restart of the server


class NotEntered(RuntimeError):
    """The world was used before it was entered."""

    def __str__(self) -> str:
        return "the world is not there yet: use `async with World() as world`"


class World:
    """A server with its consoles and computers, from entering the context to leaving it.

    `paused`: time moves only by `advance`. `speed`: emulated seconds in a real one; it lets the clock run.
    `organization`: a TOML file instead of the small organization (alice, bob, carol in Support, dave in
    Network, channel Web). `data`: the state directory; a fresh one that is removed at the end if not given.
    """

    def __init__(
        self,
        *,
        paused: bool = True,
        speed: float | None = None,
        organization: str | Path | None = None,
        data: str | Path | None = None,
    ) -> None:
        self._pace = ["--paused"] if paused and speed is None else []
        self._pace += ["--speed", f"{speed:g}"] if speed is not None else []
        self._organization = ["--organization", str(organization)] if organization is not None else []
        self._given_data = Path(data) if data is not None else None
        self._data: Path | None = None
        self._server: Program | None = None
        self._caller: Caller | None = None
        self._technicians: list[Technician] = []
        self._computers: list[Computer] = []
        self.address = ""

    @property
    def data(self) -> Path:
        """The state directory."""
        if self._data is None:
            raise NotEntered
        return self._data

    @property
    def server(self) -> Program:
        """The server's process."""
        if self._server is None:
            raise NotEntered
        return self._server

    @property
    def admin(self) -> AdminClient:
        """The Administration Center."""
        return AdminClient(self._calls())

    @property
    def clock(self) -> ClockClient:
        """The emulated clock."""
        return ClockClient(self._calls())

    async def __aenter__(self) -> Self:
        self._data = self._given_data or Path(tempfile.mkdtemp(prefix="rescue-world-"))
        try:
            await self._start_server("127.0.0.1:0", *self._pace, *self._organization)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def technician(self, name: str, *, lang: str = "en") -> Technician:
        """Open a technician's console; returns when it shows his queue."""
        program = await Program.start(f"console {name}", "rescue_console", name, "--lang", lang, "--json", *self._where)
        technician = Technician(name, program, report=self.report)
        self._technicians.append(technician)
        await program.until(
            lambda: next((e for e in program.events if e.get("event") == "snapshot-end"), None),
            timeout=_START_TIMEOUT,
            what="event snapshot-end",
        )
        return technician

    async def computer(
        self,
        *,
        pin: str | None = None,
        channel: str | None = None,
        name: str = "",
        terms: str = "accept",
        boot_time: str = "30s",
        wait: bool = True,
    ) -> Computer:
        """Start a customer's computer with a PIN or through a channel; returns when it has joined.

        `terms` is what the customer does about them: accept, decline or ask (then `computer.accept()`).
        `boot_time` is emulated time. With `wait` off it returns at once.
        """
        if (pin is None) == (channel is None):
            raise ValueError("a computer needs either a pin or a channel")
        way = ["--pin", pin] if pin is not None else ["--channel", str(channel)]
        called = ["--name", name] if name else []
        number = f"computer {len(self._computers) + 1}"
        program = await Program.start(
            number,
            "rescue_applet",
            *way,
            *called,
            *("--terms", terms, "--boot-time", boot_time, "--json"),
            *self._where,
        )
        computer = Computer(name or number, program)
        self._computers.append(computer)
        if wait:
            await computer.joined(_START_TIMEOUT)
        return computer

    async def advance(
        self, by: timedelta | None = None, *, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> ClockReading:
        """Move the emulated time forward; returns when every console has shown the effects."""
        total = (by or timedelta(0)) + timedelta(hours=hours, minutes=minutes, seconds=seconds)
        reading = await self.clock.advance(total)
        await self.sync()
        return reading

    async def sync(self) -> None:
        """Return when every console has shown every update up to now."""
        running = [technician for technician in self._technicians if technician.program.status is None]
        await asyncio.gather(*(technician.sync() for technician in running))

    async def set(self, owner: str, **settings: str | timedelta) -> Settings:
        """Change settings of `group:NAME` or `channel:NAME`: `set("group:Support", idle_timeout="1m", terms="")`.

        Returns all of them. Raises BadSetting, BadDuration, CallError.
        """
        changes = {name.replace("_", "-"): value for name, value in settings.items()}
        return await self.admin.change_settings(owner, changes)

    async def kill_server(self) -> None:
        """End the server as a crash does; consoles and computers stay."""
        await self.server.kill()

    async def stop_server(self) -> int:
        """Ask the server to end; return its exit status."""
        return await self.server.stop()

    async def restart_server(self, *options: str) -> None:
        """Start the server again where it was, stopping it first if it runs.

        It goes on with its store and clock; `options` are more of `rescue server`, such as "--speed", "60".
        """
        if self.server.status is None:
            await self.stop_server()
        await self._start_server(self.address, *options)

    def report(self) -> str:
        """Return, for a person, every console's view and history and the last log lines of every process."""
        views = [technician.view() for technician in self._technicians]
        return "\n".join([*views, "last log lines:", *(program.log_tail() for program in self._programs())])

    @property
    def _where(self) -> list[str]:
        return ["--server", self.address, "--data", str(self.data)]

    def _programs(self) -> list[Program]:
        server = [self._server] if self._server is not None else []
        return [*server, *(t.program for t in self._technicians), *(c.program for c in self._computers)]

    def _calls(self) -> Caller:
        if self._caller is None:
            secret = Access.read(self.data).secrets[ADMINISTRATOR]
            self._caller = Caller(self.address, user=ADMINISTRATOR, secret=secret, patience=_PATIENCE)
        return self._caller

    async def _start_server(self, listen: str, *options: str) -> None:
        arguments = ["--listen", listen, "--data", str(self.data), *options, "--json"]
        self._server = await Program.start("server", "rescue_server", *arguments)
        ready = await self._server.event("ready", timeout=_START_TIMEOUT)
        self.address = str(ready["server"])

    async def _end(self) -> None:
        try:
            if self._caller is not None:
                await self._caller.close()
            # Consoles and computers first: with the server gone they would only try to reach it again.
            programs = self._programs()
            await stop_all([program for program in programs if program is not self._server])
            await stop_all([program for program in programs if program is self._server])
        finally:
            if self._given_data is None and self._data is not None:
                shutil.rmtree(self._data, ignore_errors=True)
