"""The servers of one world as child processes: one alone, or several on the log of an engine."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Sequence
from pathlib import Path

from rescue_common.processes.child import Program, stop_all
from rescue_emulator.world.cluster_programs import BESIDE, ClusterPrograms, Start, web_again
from rescue_emulator.world.ports import reserve_port

API = ("--api", "127.0.0.1:0", "--api-limits", "off")
"""Options with which each server offers the public API; those that are given come later, and win."""
WEB = ("--web", "127.0.0.1:0")
"""Options with which each server offers the pages."""
_START_TIMEOUT = 30.0  # real seconds, for a process on a busy machine


def pace_of(*, paused: bool, speed: float | None) -> list[str]:
    """Return the options for how emulated time goes at first; a speed lets it go."""
    if speed is not None:
        return ["--speed", f"{speed:g}"]
    return ["--paused"] if paused else []


class OwnServers:
    """`start` starts a program. `pace` and `organization` are options for the first start, `options` for each one."""

    def __init__(
        self,
        start: Start,
        *,
        servers: int,
        nodes: int,
        pace: Sequence[str],
        organization: Sequence[str],
        options: Sequence[str],
    ) -> None:
        self._start = start
        self._servers, self._nodes = servers, nodes
        self._pace, self._organization, self._options = pace, organization, options
        self._cluster: ClusterPrograms | None = None
        self._port: socket.socket | None = None
        self.server: Program | None = None
        self.address = ""
        self._urls: dict[str, str] = {}
        self.data = Path()

    @property
    def programs(self) -> list[Program]:
        """The processes of all servers."""
        if self._cluster is not None:
            return list(self._cluster.programs.values())
        return [self.server] if self.server is not None else []

    def urls(self, what: str) -> dict[str, str]:
        """Return where each server offers its pages ("web") or the public API ("api"), by the server's name."""
        if self._cluster is not None:
            found = {name: self._cluster.url_of(name, what) for name in self._cluster.names}
        else:
            found = {self.server.name: self._urls.get(what, "")} if self.server is not None else {}
        return {name: url for name, url in found.items() if url}

    async def open(self, data: Path | None, scratch: Path) -> None:
        """Start them. Without `data` their files are in `scratch`. Raises NoEngine, ProgramEnded, TimeoutError."""
        if self._servers > 1:
            await self._open_cluster(scratch / "cluster")
            return
        self.data = data or scratch / "data"
        self._port = reserve_port()
        number = self._port.getsockname()[1] if self._port is not None else 0
        await self._start_alone(f"127.0.0.1:{number}", *self._pace, *self._organization)

    async def leader(self) -> Program | None:
        """Return the server that leads, which a server alone does, and remember it as `server`. Raises TimeoutError."""
        if self._cluster is not None:
            self.server = self._cluster.programs[await self._cluster.next_leader()]
        return self.server

    async def choose_edge(self, name: str, chance: random.Random) -> str:
        """Return the name of a server that runs and does not lead: `name`, or any. Raises ValueError."""
        if self._cluster is None:
            raise ValueError("this world has one server: World(servers=3, nodes=3) has others beside it")
        leads = await self._cluster.next_leader()
        edges = [one for one in self._cluster.names if one != leads and self._cluster.is_running(one)]
        if not edges:
            raise ValueError("no server follows: restart_server() starts those that do not run")
        if name not in ("", *edges):
            raise ValueError(f"{name} does not follow: these do: {', '.join(edges)}")
        return name or chance.choice(edges)

    async def kill(self, name: str) -> None:
        """Kill one of several servers, and remember it as `server`."""
        if self._cluster is not None:
            self.server = self._cluster.programs[await self._cluster.kill_server(name)]

    async def start(self, *options: str) -> None:
        """Start the server again; of several servers and nodes, those that do not run."""
        if self._cluster is not None:
            await self._cluster.start_dead()
        else:
            await self._start_alone(self.address, *options)

    def running_nodes(self) -> list[str]:
        """Return the names of the engine's nodes that run. Raises ValueError without an engine."""
        if self._cluster is None:
            raise ValueError("this world has no engine: World(servers=3, nodes=3) has one")
        return [name for name in self._cluster.nodes.names if self._cluster.nodes.is_running(name)]

    async def kill_node(self, name: str) -> None:
        """Kill a node of the engine."""
        if self._cluster is not None:
            await asyncio.to_thread(self._cluster.nodes.kill, name)

    async def close(self) -> None:
        """End everything."""
        with contextlib.ExitStack() as stack:
            if self._port is not None:
                stack.callback(self._port.close)
            await stop_all(self.programs)
            if self._cluster is not None:
                await self._cluster.close()

    async def _open_cluster(self, directory: Path) -> None:
        self._cluster = ClusterPrograms(
            directory,
            servers=self._servers,
            nodes=self._nodes,
            options=[*self._pace, *self._options],
            first=self._organization,
            start=self._start,
        )
        await self._cluster.open()
        self.address, self.data = self._cluster.address, self._cluster.data()
        await self.leader()

    async def _start_alone(self, listen: str, *options: str) -> None:
        arguments = [
            "--listen",
            listen,
            "--data",
            str(self.data),
            *self._options,
            *web_again(self._urls),
            *options,
            "--json",
        ]
        self.server = await self._start("server", "rescue_server", *arguments, environment={})
        ready = await self.server.event("ready", timeout=_START_TIMEOUT)
        self.address = str(ready["server"])
        self._urls = {what: str(ready[what]) for what in BESIDE if what in ready}
