"""What becomes of servers and consoles when the engine fails: nothing is lost, and watches go on."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rescue_client.cluster import ClusterClient
from rescue_client.connection import Connection
from rescue_emulator.world.cluster_programs import ClusterPrograms
from rescue_emulator.world.technician import Technician
from rescue_emulator.world.world import World
from tests.torture.conftest import small_disk_at
from tests.torture.machine import paused

pytestmark = [pytest.mark.timeout(120), pytest.mark.long]
ENGINES = ["nats", *(["etcd"] if shutil.which("etcd") else [])]


@asynccontextmanager
async def at_work(directory: Path, engine: str, *, nodes: int = 3, patience: str = "15s") -> AsyncIterator[AtWork]:
    """Have two servers, the nodes of an engine, and a technician with an active session."""
    options = ["--paused", "--cluster-patience", patience]
    async with (
        ClusterPrograms(directory, servers=2, nodes=nodes, engine=engine, options=options) as programs,
        World.external(server=programs.address, data=programs.data(), share=False) as world,
    ):
        alice = await world.technician("alice")
        session, pin = await alice.pin("Ms Vos")
        await world.computer(pin=pin)
        await alice.start(session)
        await alice.sees(session, "Active")
        yield AtWork(programs, world, alice, session)


class AtWork:
    """A cluster and who works there."""

    def __init__(self, programs: ClusterPrograms, world: World, alice: Technician, session: str) -> None:
        self.programs = programs
        self.world = world
        self.alice = alice
        self.session = session

    async def hold_and_start(self) -> None:
        """Change the status twice, each once."""
        for command, status in (("hold", "On Hold"), ("start", "Active")):
            await self.alice.command(command, self.session)
            await self.alice.sees(self.session, status)

    def statuses(self) -> list[str]:
        """What the console has shown of the session so far."""
        return [
            str(e["status"]) for e in self.alice.program.events if e.get("session") == self.session and "status" in e
        ]

    async def leading_node(self) -> str:
        """Return the engine's node that leads."""
        async with Connection.find(user="admin", data=self.programs.data()) as connection:
            state = await ClusterClient(connection).state()
        leader = next(node.name for node in state.nodes if node.role == "leader")
        nodes = self.programs.nodes
        return dict(zip(nodes.addresses, nodes.names, strict=True)).get(leader, leader)  # etcd's go by their addresses


@pytest.mark.parametrize("patience", ["15s", "1s"], ids=["patient", "the leader gives up"])
@pytest.mark.parametrize("engine", ENGINES)
async def test_without_a_quorum_nothing_is_acknowledged_and_then_it_counts_once(
    tmp_path: Path, engine: str, patience: str
) -> None:
    async with at_work(tmp_path, engine, patience=patience) as work:
        lost = work.programs.nodes.names[1:]
        for node in lost:
            work.programs.nodes.kill(node)
        holding = asyncio.create_task(work.alice.command("hold", work.session))
        await asyncio.sleep(3)
        assert not holding.done()
        assert work.statuses()[-1] == "Active"
        for node in lost:
            await asyncio.to_thread(work.programs.nodes.start, node)
        await holding
        await work.alice.sees(work.session, "On Hold")
        assert work.statuses().count("On Hold") == 1
        assert "Reconnecting" not in work.statuses()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("leads", [False, True], ids=["one that follows", "the one that leads"])
async def test_a_stopped_node_delays_commands_and_changes_no_status(tmp_path: Path, engine: str, leads: bool) -> None:
    async with at_work(tmp_path, engine) as work:
        leader = await work.leading_node()
        node = leader if leads else next(name for name in work.programs.nodes.names if name != leader)
        work.programs.nodes.pause(node)
        await work.hold_and_start()
        work.programs.nodes.resume(node)
        await work.hold_and_start()
        assert "Reconnecting" not in work.statuses()


@pytest.mark.parametrize("engine", ENGINES)
async def test_servers_whose_log_is_set_back_while_they_run_end_and_say_so(tmp_path: Path, engine: str) -> None:
    async with at_work(tmp_path, engine, nodes=1, patience="1s") as work:
        work.programs.nodes.kill("n1")
        for stored in ("jetstream", "etcd"):
            shutil.rmtree(tmp_path / "nodes/n1" / stored, ignore_errors=True)
        await asyncio.to_thread(work.programs.nodes.start, "n1")
        holding = asyncio.create_task(work.alice.command("hold", work.session))
        for program in work.programs.programs.values():
            assert await program.ended(60) == 1
            assert "the log of the cluster was set back or is another one" in program.log_tail().splitlines()[-1]
        assert not holding.done()
        holding.cancel()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("leads", [False, True], ids=["one that follows", "the one that leads"])
async def test_a_node_whose_disk_is_full_stops_nobody(tmp_path: Path, engine: str, leads: bool) -> None:
    """Each node has a small disk of its own. When there is room again, the node comes back."""
    with contextlib.ExitStack() as stack:
        for name in ("n1", "n2", "n3"):
            stack.enter_context(small_disk_at(tmp_path / "nodes" / name, "32m" if engine == "nats" else "200m"))
        async with at_work(tmp_path, engine) as work:
            leader = await work.leading_node()
            node = leader if leads else next(name for name in work.programs.nodes.names if name != leader)
            filler = tmp_path / "nodes" / node / "filler"
            fill(filler)
            for _ in range(5):
                await work.hold_and_start()
            killed = await work.programs.kill_server()
            await work.hold_and_start()
            filler.unlink()
            work.programs.nodes.kill(node)
            await asyncio.to_thread(work.programs.nodes.start, node)
            await work.programs.start_server(killed)
            other = next(name for name in work.programs.nodes.names if name != node)
            work.programs.nodes.kill(other)  # now the node is needed
            await work.hold_and_start()
            assert "Reconnecting" not in work.statuses()


def fill(file: Path) -> None:
    """Take all the room that is left on a disk."""
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as filler:
        while True:
            filler.write(b"x" * 4096)


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_leader_that_was_stopped_is_replaced_and_acknowledges_nothing_afterwards(
    tmp_path: Path, engine: str
) -> None:
    async with at_work(tmp_path, engine, nodes=1) as work:
        stopped = await work.programs.next_leader()
        with paused(work.programs.programs[stopped].pid):
            leader = await work.programs.next_leader(than=stopped)
            await work.hold_and_start()
        await work.hold_and_start()
        program = work.programs.programs[stopped]
        await program.until(
            lambda: next((e for e in program.events if e.get("event") == "follows" and e["leader"] == leader), None),
            timeout=30,
            what="that it follows",
        )
        await work.programs.kill_server(leader)  # what happened meanwhile is known to it
        await work.hold_and_start()
        assert await work.programs.next_leader() == stopped
        assert "Reconnecting" not in work.statuses()
