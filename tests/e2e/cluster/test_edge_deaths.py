"""An edge dies or stands still while the clock runs fast: its applets go elsewhere, and no status shows it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from rescue_client import Connection
from rescue_client.cluster import ClusterClient
from rescue_common.state_directory import find_secret
from rescue_emulator.world.cluster_programs import ClusterPrograms
from rescue_emulator.world.world import World

pytestmark = [pytest.mark.timeout(120), pytest.mark.long]
SPEED = 600  # a lease lasts for a tenth of a real second: less than an applet needs to find another server
LOST = {"LinkLost", "LinkOffline"}
MOST = 12  # computers, until one of them has chosen the edge


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[ClusterPrograms]:
    async with ClusterPrograms(tmp_path, servers=2, nodes=1, options=["--speed", str(SPEED)]) as programs:
        yield programs


async def applets(cluster: ClusterPrograms, name: str) -> int:
    """Return how many applets are attached at a server, as the leader knows."""
    leader = await cluster.next_leader()
    secret = find_secret("admin", data=cluster.data(leader))
    async with Connection(cluster.address_of(leader), user="admin", secret=secret) as connection:
        state = await ClusterClient(connection).state()
    return sum(server.applets for server in state.servers if server.name == name)


def kill(cluster: ClusterPrograms, name: str) -> Callable[[], None]:
    os.kill(cluster.programs[name].pid, signal.SIGKILL)
    return lambda: None


def stop(cluster: ClusterPrograms, name: str) -> Callable[[], None]:
    os.kill(cluster.programs[name].pid, signal.SIGSTOP)
    return lambda: os.kill(cluster.programs[name].pid, signal.SIGCONT)


@pytest.mark.parametrize("harm", [kill, stop])
async def test_applets_of_an_edge_that_is_gone_are_not_taken_for_lost(
    cluster: ClusterPrograms, harm: Callable[[ClusterPrograms, str], Callable[[], None]]
) -> None:
    leader = await cluster.next_leader()
    (edge,) = set(cluster.names) - {leader}
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(
            World.external(server=cluster.address, data=cluster.data(leader), share=False)
        )
        alice = await world.technician("alice")
        while await applets(cluster, edge) == 0:
            assert len(alice.sessions) < MOST
            session, pin = await alice.pin("Ms Vos")
            await world.computer(pin=pin)
            await alice.start(session)
        sessions = list(alice.sessions)
        stack.callback(harm(cluster, edge))
        until = (await world.clock.show()).now + timedelta(hours=1)
        while (await world.clock.show()).now < until or await applets(cluster, leader) < len(sessions):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        lost = [line.name async for piece in world.journal.read() for line in piece.lines if line.name in LOST]
        assert not lost
        assert {alice.status(session) for session in sessions} == {"Active"}
