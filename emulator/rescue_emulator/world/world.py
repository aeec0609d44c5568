"""A whole emulator for a test or a script: server, consoles and computers as real processes, ended with the block.

async with World() as world:
    alice = await world.technician("alice")
    session, pin = await alice.pin("Customer")
    computer = await world.computer(pin=pin)
    await alice.sees(session, "Waiting")
    async with computer.lan_off():
        await world.advance(minutes=1)
        await alice.sees(session, "Reconnecting")
    await alice.sees(session, "Waiting")

A world starts a server of its own, or uses an external one with accounts of its own there (`external`, `share`).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from rescue_client.admin import AdminClient, Settings
from rescue_client.clock import ClockClient, ClockReading
from rescue_client.connection import NO_WAIT, Connection
from rescue_client.faults import FaultClient
from rescue_client.journal import JournalClient
from rescue_common.processes.child import Program, ProgramEnded, stop_all
from rescue_common.state_directory import NoAccess, find_servers, find_tls
from rescue_emulator.world.api import WorldApi
from rescue_emulator.world.belongings import Belongings
from rescue_emulator.world.computer import Computer
from rescue_emulator.world.end_state import EndState, look_at_server
from rescue_emulator.world.errors import NotEntered, NotOwner, WrongEventLoop
from rescue_emulator.world.external_server import create_accounts, leave, unique_names
from rescue_emulator.world.failure_report import ReportedWorld, failure_report
from rescue_emulator.world.own_clients import WorldAdmin, WorldClock, WorldFaults, WorldJournal
from rescue_emulator.world.own_servers import API, WEB, OwnServers, pace_of
from rescue_emulator.world.scratch import ScratchDirectory
from rescue_emulator.world.server_access import ServerAccess
from rescue_emulator.world.technician import NotSeen, Technician, queue_is_shown, require_technician
from rescue_protos.errors import RescueError

_START_TIMEOUT = 30.0  # real seconds, for a process on a busy machine
_CALL_TIMEOUT = timedelta(seconds=30)  # long enough for a restart of the server


class World:
    """A server with its consoles and computers, from entering the context to leaving it.

    `paused`: time moves only by `advance`. `speed`: emulated seconds in each real second; the clock runs then.
    `organization`: a TOML file; without it there are alice, bob and carol in Support, dave in Network, and the channel
    Web. `data`: the state directory; without it, a temporary one that is removed at the end. `seed`: all random choices
    in the world follow from it, also those of `random`; without it, a random seed, which a failure report names.
    `api`: serve the public HTTP API. `web`: serve the pages for browsers. `options`: more options of `rescue server`,
    such as "--tls-cert", FILE, "--tls-key", FILE. `servers`: so many servers on one log, which `nodes` nodes of NATS
    keep; any one of them may die.
    """

    def __init__(
        self,
        *,
        paused: bool = True,
        speed: float | None = None,
        organization: str | Path | None = None,
        data: str | Path | None = None,
        seed: int | None = None,
        api: bool = False,
        web: bool = False,
        options: Sequence[str] = (),
        servers: int = 1,
        nodes: int = 3,
    ) -> None:
        if servers > 1 and data is not None:
            raise ValueError("a world of several servers has state directories of its own")
        self._servers = OwnServers(
            self._start,
            servers=servers,
            nodes=nodes,
            pace=pace_of(paused=paused, speed=speed),
            organization=["--organization", str(organization)] if organization is not None else [],
            options=(*(API if api else ()), *(WEB if web else ()), *options),
        )
        self._access = ServerAccess(data=Path(data).absolute() if data is not None else None)
        self._entered = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._files = ScratchDirectory()
        self._own = Belongings()
        self._end_state: EndState | None = None
        self._connection: Connection | None = None
        self._technicians: list[Technician] = []
        self._computers: list[Computer] = []
        self.seed = seed if seed is not None else random.SystemRandom().randrange(2**32)
        self.random = random.Random(self.seed)

    @classmethod
    def external(
        cls, *, server: str | None = None, data: str | Path | None = None, share: bool = True, seed: int | None = None
    ) -> Self:
        """Make a world on an external server, found in the same way as by every client.

        `server` is HOST:PORT, or several of them separated by commas; without it, RESCUE_SERVER or the state directory
        `data` gives the address. RESCUE_SECRET or the directory gives the administrator's secret, and RESCUE_TLS_CA or
        the directory the TLS settings. With `share` the world creates a small organization of its own there, under
        unique names; without, it uses the server's organization. Raises NoAccess and BadTls; entering the world raises
        also RescueError.
        """
        world = cls(data=data, seed=seed)
        world._access.tls = find_tls(server=server, data=data)
        world._visit(",".join(find_servers(server=server, data=data)), share=share)
        return world

    def share(self, *, seed: int | None = None) -> Self:
        """Make another world on this world's server, with accounts of its own. The two share the clock."""
        other = type(self)(data=self._access.data, seed=self.random.randrange(2**32) if seed is None else seed)
        other._visit(self.address, share=True)
        other._access.secret, other._access.tls = self._access.credentials()
        return other

    def _visit(self, address: str, *, share: bool) -> None:
        self._access.is_external, self._access.address, self._own.is_guest = True, address, True
        if share:
            self._own.names = unique_names()

    @property
    def data(self) -> Path:
        """The state directory."""
        if self._access.data is None:
            raise self._no_server()
        return self._access.data

    @property
    def address(self) -> str:
        """HOST:PORT of the server, or of several, separated by commas; empty before the world was entered."""
        return self._access.address

    @property
    def is_owner(self) -> bool:
        """Whether the server is this world's own."""
        return not self._access.is_external

    @property
    def server(self) -> Program:
        """The server's process; of several, the one that led at the start or was killed or stopped last."""
        if self._servers.server is None:
            raise self._no_server()
        return self._servers.server

    @property
    def admin(self) -> AdminClient:
        """The Administration Center."""
        return WorldAdmin(self._shared_connection(), self._own)

    @property
    def clock(self) -> ClockClient:
        """The emulated clock."""
        return WorldClock(self._shared_connection(), self._own)

    @property
    def faults(self) -> FaultClient:
        """The server's fault rules: `await world.faults.add("when 1001 becomes Active: lan off for 40s")`."""
        return WorldFaults(self._shared_connection(), self._own)

    @property
    def journal(self) -> JournalClient:
        """The server's journal, in this world's own names."""
        return WorldJournal(self._shared_connection(), self._own)

    @property
    def api(self) -> WorldApi:
        """The public HTTP API of a world that was made with `api=True`."""
        return WorldApi(self._access, self._own, self._shared_connection, partial(self._servers.urls, "api"))

    @property
    def web_urls(self) -> Mapping[str, str]:
        """Where the pages of a world that was made with `web=True` are, by the names of its servers."""
        return self._servers.urls("web")

    @property
    def technicians(self) -> Sequence[Technician]:
        """The technicians with a console, in the order of opening."""
        return tuple(self._technicians)

    def name(self, written: str) -> str:
        """Return "technician:NAME", "group:NAME" or "channel:NAME" with the name on the server."""
        return self._own.names.owner(written)

    async def __aenter__(self) -> Self:
        self._entered, self._loop = True, asyncio.get_running_loop()
        try:
            if not self.is_owner:
                await create_accounts(self._access, self._own)
            else:
                await self._servers.open(self._access.data, self._scratch())
                self._access.address, self._access.data = self._servers.address, self._servers.data
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, NotSeen):  # which has a report already
            error.add_note(await self.look())
        await self._end()

    async def technician(self, name: str, *, lang: str = "en") -> Technician:
        """Open a technician's console; returns when the console shows the queue."""
        account = self._own.names.account(name)
        program = await self._run(
            f"console {name}",
            "rescue_console",
            *(account, "--lang", lang, "--json"),
            environment={"RESCUE_SECRET": self._own.secrets[account]} if account in self._own.secrets else {},
        )
        technician = Technician(name, program, report=self.look, own=self._own)
        self._technicians.append(technician)
        try:
            await queue_is_shown(program, _START_TIMEOUT)
        except ProgramEnded:
            self._technicians.remove(technician)
            await require_technician(self.admin, name)
            raise
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
        options: Sequence[str] = (),
    ) -> Computer:
        """Start a customer's computer with a PIN or through a channel; returns when its applet has joined the session.

        `terms` is the customer's answer to the terms: accept, decline, or ask (then `computer.accept()`). `boot_time`
        is emulated time. With `wait=False` it returns at once. `options` are more options of `rescue applet`.
        """
        if (pin is None) == (channel is None):
            raise ValueError("a computer needs either a pin or a channel")
        access = ["--pin", pin] if pin is not None else ["--channel", self._own.names.account(str(channel))]
        called = ["--name", name] if name else []
        number = f"computer {len(self._computers) + 1}"
        program = await self._run(
            number,
            "rescue_applet",
            *access,
            *called,
            *("--terms", terms, "--boot-time", boot_time, "--json"),
            *("--seed", str(self.seed + len(self._computers))),
            *options,
            environment={},
        )
        computer = Computer(name or number, program, own=self._own)
        self._own.timeline.act(f"{computer.name} starts with {'a PIN' if channel is None else f'channel {channel}'}")
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
        """Return when every console has shown all updates up to now."""
        running = [technician for technician in self._technicians if technician.program.status is None]
        await asyncio.gather(*(technician.sync() for technician in running))

    async def set(self, owner: str, **settings: str | timedelta) -> Settings:
        """Change settings of `group:NAME` or `channel:NAME`: `set("group:Support", idle_timeout="1m", terms="")`.

        Returns all settings. Raises InvalidSetting and RescueError.
        """
        changes = {name.replace("_", "-"): value for name, value in settings.items()}
        return await self.admin.change_settings(owner, changes)

    async def kill_server(self) -> None:
        """Kill the server, of several the one that leads, as a crash would; consoles and computers keep running."""
        await self._servers.leader()
        self._own.timeline.act("the server is killed")
        await self.server.kill()

    async def kill_edge(self, name: str = "") -> None:
        """Kill a server that does not lead, s1, s2 …; without a name, a random one. Its clients go to another."""
        name = await self._servers.choose_edge(name, self.random)
        self._own.timeline.act(f"server {name}, which does not lead, is killed")
        await self._servers.kill(name)

    async def kill_node(self, name: str = "") -> None:
        """Kill a node of the engine, n1, n2 …; without a name, a random one that runs."""
        running = self._servers.running_nodes()
        name = name or self.random.choice(running)
        self._own.timeline.act(f"node {name} is killed")
        await self._servers.kill_node(name)

    async def stop_server(self) -> int:
        """Stop the server, of several the one that leads, with SIGTERM; return its exit status."""
        await self._servers.leader()
        self._own.timeline.act("the server is stopped")
        return await self.server.stop()

    async def restart_server(self, *options: str) -> None:
        """Start the server again at the same address; stop it first if it runs.

        The server continues with its store and clock. `options` are more options of `rescue server`, such as
        "--speed", "60". Of several servers and nodes, those that do not run are started, without other options.
        """
        if len(self._servers.programs) < 2 and self.server.status is None:
            await self.stop_server()
        self._own.timeline.act(" ".join(("the server starts again", *options)))
        await self._servers.start(*options)
        self._access.address = self._servers.address

    def report(self) -> str:
        """Return the failure report: the seed, the state at the end, what was done and shown, each log's last lines.

        Of the state it has what consoles and computers said; `look` adds what the server knows.
        """
        reported = ReportedWorld(
            own=self._own,
            technicians=self._technicians,
            computers=self._computers,
            programs=self._programs(),
            end=self._end_state,
        )
        return failure_report(self.seed, reported)

    async def look(self) -> str:
        """Ask the server for the state of the clock, queues and fault rules, if it is there; return the report."""
        with contextlib.suppress(RescueError, NoAccess, NotEntered, TimeoutError):
            async with self._access.connect(NO_WAIT) as connection:
                self._end_state = await look_at_server(connection, self._own)
        return self.report()

    def _programs(self) -> list[Program]:
        consoles = [technician.program for technician in self._technicians]
        return [*self._servers.programs, *consoles, *(computer.program for computer in self._computers)]

    def _shared_connection(self) -> Connection:
        if self._connection is None:
            self._connection = self._access.connect(_CALL_TIMEOUT)
        return self._connection

    def _no_server(self) -> Exception:
        return NotEntered() if self.is_owner else NotOwner()

    async def _run(self, name: str, module: str, *arguments: str, environment: Mapping[str, str]) -> Program:
        """Start a client program. Its temporary files stay in the scratch directory, even if it is killed."""
        where, there = self._access.of_clients()
        return await self._start(name, module, *arguments, *where, environment={**there, **environment})

    async def _start(self, name: str, module: str, *arguments: str, environment: Mapping[str, str]) -> Program:
        self._scratch()
        if self._loop is not asyncio.get_running_loop():
            raise WrongEventLoop
        return await self._files.start(name, module, *arguments, environment=environment)

    def _scratch(self) -> Path:
        """Return the directory of all temporary files; it is removed with the world, or when this process ends."""
        if not self._entered:
            raise NotEntered
        return self._files.path()

    async def _end(self) -> None:
        try:
            if not self.is_owner:
                await leave(self._access, self._own)
            if self._connection is not None:
                await self._connection.close()
            # Consoles and computers first: without the server they would only try to reconnect.
            own = self._servers.programs
            await stop_all([program for program in self._programs() if program not in own])
        finally:
            await self._servers.close()
            self._files.remove()
