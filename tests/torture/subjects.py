"""Who is killed in a torture run: a server alone, or the servers and nodes of a cluster."""

from __future__ import annotations

import asyncio
import random
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Protocol

from rescue_emulator import World
from rescue_emulator.world.cluster_programs import ClusterPrograms
from rescue_server.store import STORE_FILE, StoredEvent, back_up
from tests.torture.history import read_store
from tests.torture.machine import paused

StoreContent = tuple[list[StoredEvent], dict[str, int], datetime | None]


class Subject(Protocol):
    """What a run kills and starts again."""

    async def remains(self) -> StoreContent:
        """Return what was stored when it died, or what is at the end."""

    async def kill(self) -> None:
        """Kill what answers, with SIGKILL."""

    async def stop(self) -> int:
        """End it in order; return its exit status."""

    async def restart(self) -> None:
        """Start what died."""

    async def end(self) -> list[int]:
        """End everything in order; return the exit statuses."""


class OneServer:
    """The world's own server."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def remains(self) -> StoreContent:
        """See `Subject`."""
        return await asyncio.to_thread(read_store, self._world.data)

    async def kill(self) -> None:
        """See `Subject`."""
        await self._world.kill_server()

    async def stop(self) -> int:
        """See `Subject`."""
        return await self._world.stop_server()

    async def restart(self) -> None:
        """See `Subject`."""
        await self._world.restart_server()

    async def end(self) -> list[int]:
        """See `Subject`."""
        return [await self._world.stop_server()]


class ServersOfACluster:
    """The leading server dies or is paused; now and then one that follows does so, too, or a node."""

    def __init__(self, programs: ClusterPrograms, dice: random.Random) -> None:
        self._programs = programs
        self._dice = dice
        self._died = programs.names[0]
        self.node_kills = 0
        self.edge_deaths = 0
        self.pauses = 0

    async def remains(self) -> StoreContent:
        """See `Subject`. The next leader has everything that its predecessor had acknowledged."""
        if not any(map(self._programs.is_running, self._programs.names)):
            return await asyncio.to_thread(read_store, self._programs.data(self._died))
        leader = await self._programs.next_leader(than=self._died)
        return await asyncio.to_thread(_copy, self._programs.data(leader))

    async def kill(self) -> None:
        """See `Subject`."""
        leader = await self._programs.next_leader()
        if self._dice.random() < 0.2:  # it is replaced, and fenced when it wakes
            self.pauses += 1
            with paused(self._programs.programs[leader].pid):
                await self._programs.next_leader(than=leader)
            leader = await self._programs.next_leader()
        self._died = await self._programs.kill_server(leader)

    async def stop(self) -> int:
        """See `Subject`."""
        self._died = await self._programs.next_leader()
        return await self._programs.stop_server(self._died)

    async def restart(self) -> None:
        """See `Subject`."""
        await self._programs.next_leader(than=self._died)
        await self._programs.start_server(self._died)
        if self._dice.random() < 0.5:
            await self._trouble_edge()
        if len(self._programs.nodes.names) > 1 and self._dice.random() < 0.3:
            self.node_kills += 1
            node = self._dice.choice(self._programs.nodes.names)
            await asyncio.to_thread(self._programs.nodes.kill, node)
            await asyncio.sleep(self._dice.uniform(0.5, 3.0))
            await asyncio.to_thread(self._programs.nodes.start, node)

    async def _trouble_edge(self) -> None:
        """Kill or pause a server that follows; who is at it goes elsewhere."""
        leader = await self._programs.next_leader()
        edge = self._dice.choice([name for name in self._programs.names if name != leader])
        if self._dice.random() < 0.5:
            with paused(self._programs.programs[edge].pid):
                await asyncio.sleep(self._dice.uniform(0.5, 6.0))
            return
        self.edge_deaths += 1
        await self._programs.kill_server(edge)
        await asyncio.sleep(self._dice.uniform(0.0, 2.0))
        await self._programs.start_server(edge)

    async def end(self) -> list[int]:
        """See `Subject`. The leader goes first, so that another one has to take over and go, too."""
        await self._programs.start_dead()
        statuses = []
        for _ in self._programs.names:
            leader = await self._programs.next_leader()
            self._died = leader
            statuses.append(await self._programs.stop_server(leader))
        return statuses


def _copy(data: Path) -> StoreContent:
    """Read the store of a server that runs."""
    with tempfile.TemporaryDirectory(prefix="rescue-torture-") as scratch:
        back_up(data, Path(scratch) / STORE_FILE)
        return read_store(Path(scratch))
