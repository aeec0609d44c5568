"""Several servers on one replicated log as child processes, and the engine's nodes: for tests and `rescue cluster`.

The servers are s1, s2 … and the nodes n1, n2 …. Each server keeps its address when it is started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from rescue_common.private_files import write_private
from rescue_common.processes.child import Program, stop_all
from rescue_emulator.world.engine_nodes import EngineNodes, EtcdNodes, NatsNodes
from rescue_emulator.world.ports import reserve_port

ENGINES: dict[str, type[EngineNodes]] = {"nats": NatsNodes, "etcd": EtcdNodes}
BESIDE = ("web", "api", "api_tls", "api_proxy")
"""What a server may offer beside the contract, by the names of its ready line."""
_START_TIMEOUT = 60.0  # real seconds, for a process on a busy machine
_LEADS_WITHIN = 30.0  # real seconds
_KEY_LENGTH = 32  # bytes
Start = Callable[..., Awaitable[Program]]


def web_again(urls: Mapping[str, str]) -> Sequence[str]:
    """Return options with which a server that starts again offers its pages where they were: open ones come back."""
    return ("--web", urlsplit(urls["web"]).netloc) if "web" in urls else ()


class ClusterPrograms:
    """The programs of one cluster, whose files are in `directory`.

    `start` starts a program, as `Program.start` does. `first` are options of the very first server alone.
    """

    def __init__(
        self,
        directory: Path,
        *,
        servers: int = 3,
        nodes: int = 3,
        engine: str = "nats",
        options: Sequence[str] = (),
        first: Sequence[str] = (),
        start: Start = Program.start,
    ) -> None:
        """Raises NoEngine if the engine's program is missing."""
        self.directory = directory
        self.names = [f"s{number}" for number in range(1, servers + 1)]
        self.nodes = ENGINES[engine](directory / "nodes", nodes)
        self.programs: dict[str, Program] = {}
        self._options = tuple(options)
        self._first = tuple(first)
        self._start = start
        self._addresses: dict[str, str] = {}
        self._urls: dict[str, dict[str, str]] = {}
        self._ports: dict[str, socket.socket] = {}  # nobody else gets the port of a server that is down
        self._told: dict[str, tuple[int, str]] = {}  # epoch and leader, as each server last said
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Start everything, as `open`; what was started is ended if that fails."""
        try:
            await self.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def address(self) -> str:
        """HOST:PORT of every server, separated by commas."""
        return ",".join(self._addresses.values())

    def address_of(self, name: str) -> str:
        """HOST:PORT of one server; empty if it never ran."""
        return self._addresses.get(name, "")

    def url_of(self, name: str, what: str) -> str:
        """Where a server offers its pages ("web") or the public API ("api"); empty if it does not."""
        return self._urls.get(name, {}).get(what, "")

    def data(self, name: str = "s1") -> Path:
        """Return the state directory of a server."""
        return self.directory / name

    def is_running(self, name: str) -> bool:
        """Whether the server's process runs."""
        program = self.programs.get(name)
        return program is not None and program.status is None

    async def open(self) -> None:
        """Start the nodes and the servers. Raises NoEngine, ProgramEnded, TimeoutError."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if not (key := self.directory / "cluster.key").exists():
            write_private(key, secrets.token_bytes(_KEY_LENGTH))
        await asyncio.to_thread(self.nodes.__enter__)
        await self.start_server(self.names[0], *self._first)
        await asyncio.gather(*map(self.start_server, self.names[1:]))

    async def close(self) -> None:
        """End everything."""
        with contextlib.ExitStack() as stack:
            stack.callback(self.nodes.close)
            for port in self._ports.values():
                stack.callback(port.close)
            await stop_all(list(self.programs.values()))

    def leader(self) -> str:
        """Return the name of the server that leads, as the servers said last; empty if none does.

        What a dead server said counts, too: a paused one that wakes still believes that it leads.
        """
        _, leader = max(self._told.values(), default=(0, ""))
        return leader if self.is_running(leader) else ""

    async def next_leader(self, than: str = "") -> str:
        """Return the name of the server that leads once it is another one. Raises TimeoutError."""
        async with asyncio.timeout(_LEADS_WITHIN):
            while not (leader := self.leader()) or leader == than:
                self._news.clear()
                await self._news.wait()
        return leader

    async def start_server(self, name: str, *options: str) -> None:
        """Start a server, and wait until it leads or follows. Raises ProgramEnded, TimeoutError."""
        address = self._addresses.get(name) or self._reserve(name)
        program = await self._start(
            name,
            "rescue_server",
            *("--cluster", self.nodes.url(), "--name", name, "--listen", address),
            *("--cluster-key", str(self.directory / "cluster.key"), "--data", str(self.data(name)), "--json"),
            *self._options,
            *web_again(self._urls.get(name, {})),
            *options,
            environment={},
        )
        self.programs[name] = program

        def note(event: object) -> None:
            if isinstance(event, dict) and event.get("event") in {"ready", "leads", "follows"}:
                self._told[name] = (int(event["epoch"]), str(event["leader"]))
                self._addresses[name] = str(event["server"])
                self._news.set()

        for event in program.events:
            note(event)
        program.listen(note)
        ready = await program.event("ready", timeout=_START_TIMEOUT)
        self._urls[name] = {what: str(ready[what]) for what in BESIDE if what in ready}

    def _reserve(self, name: str) -> str:
        """Return where a server is to listen at its first start."""
        port = reserve_port()
        if port is None:
            return "127.0.0.1:0"
        self._ports[name] = port
        return f"127.0.0.1:{port.getsockname()[1]}"

    async def kill_server(self, name: str = "") -> str:
        """Kill a server with SIGKILL, without a name the one that leads; return its name."""
        name = name or await self.next_leader()
        await self.programs[name].kill()
        return name

    async def stop_server(self, name: str = "") -> int:
        """End a server in order, without a name the one that leads; return its exit status."""
        return await self.programs[name or await self.next_leader()].stop()

    async def start_dead(self) -> None:
        """Start every server and node that does not run."""
        for node in self.nodes.names:
            if not self.nodes.is_running(node):
                await asyncio.to_thread(self.nodes.start, node)
        await asyncio.gather(*(self.start_server(name) for name in self.names if not self.is_running(name)))
