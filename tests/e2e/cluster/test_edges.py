"""Servers that do not lead: whoever calls one of them sees the same as at the leader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from rescue_client import AdminClient, ClockClient, Connection, ConsoleClient, OverviewClient
from rescue_client.cluster import ClusterClient
from rescue_common.state_directory import find_secret
from rescue_emulator.world.cluster_programs import ClusterPrograms
from rescue_emulator.world.technician import CommandRefused, Technician
from rescue_emulator.world.world import World
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import NotLeading, Unauthenticated
from rescue_protos.v1 import clock_pb2, clock_pb2_grpc

pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True, slots=True)
class Sides:
    """A cluster of two servers; the programs of each world know one server only."""

    cluster: ClusterPrograms
    leader: World
    edge: World
    edge_name: str

    @property
    def edge_address(self) -> str:
        """HOST:PORT of the server that does not lead."""
        return self.cluster.address_of(self.edge_name)


@pytest.fixture
async def sides(tmp_path: Path) -> AsyncIterator[Sides]:
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(ClusterPrograms(tmp_path, servers=2, nodes=1, options=["--paused"]))
        leads = await cluster.next_leader()
        (follows,) = set(cluster.names) - {leads}

        async def at(name: str) -> World:
            world = World.external(server=cluster.address_of(name), data=cluster.data(name), share=False)
            return await stack.enter_async_context(world)

        yield Sides(cluster, await at(leads), await at(follows), follows)


async def test_technicians_at_two_servers_work_on_one_session(sides: Sides) -> None:
    alice, bob = await sides.edge.technician("alice"), await sides.leader.technician("bob")
    session, pin = await alice.pin("Ms Vos")
    assert session in [entry.session for entry in await alice.queue()], "who commands sees their own effect"
    computer = await sides.edge.computer(pin=pin)
    await alice.start(session)
    assert alice.status(session) == "Active"
    async with computer.lan_off():
        await sides.edge.advance(minutes=1)
        await alice.sees(session, "Reconnecting")
    await alice.sees(session, "Active")
    await alice.transfer(session, bob)
    await bob.sees(session, "Incoming")
    await bob.start(session)
    await alice.sees(session, "Removed from TC queue")
    await bob.chat(session, "good morning")
    await bob.end(session)
    await bob.sees(session, "Removed from TC queue")


async def test_a_refusal_is_the_leaders_own(sides: Sides) -> None:
    said = []
    for world in (sides.leader, sides.edge):
        alice = await world.technician("alice")
        session, _ = await alice.pin("Ms Vos")
        with pytest.raises(CommandRefused) as caught:
            await alice.hold(session)
        said.append(str(caught.value).replace(session, "SESSION"))
    assert said[0] == said[1]
    assert "(possible: end)" in said[0]


async def test_every_server_tells_the_same_time(sides: Sides) -> None:
    await sides.edge.advance(minutes=7)
    times = []
    for name in sides.cluster.names:
        secret = find_secret("admin", data=sides.cluster.data(name))
        async with Connection(sides.cluster.address_of(name), user="admin", secret=secret) as connection:
            times.append((await ClockClient(connection).show()).now)
            assert (await AdminClient(connection).organization()).groups
    assert times[0] == times[1]


async def test_a_call_without_a_token_is_refused_at_every_server(sides: Sides) -> None:
    async with grpc.aio.insecure_channel(sides.edge_address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await clock_pb2_grpc.ClockServiceStub(channel).GetClock(clock_pb2.GetClockRequest())
    assert isinstance(from_rpc_error(caught.value), Unauthenticated)


async def test_what_is_forwarded_already_is_not_forwarded_again(sides: Sides) -> None:
    forged = (("rescue-forwarded-for", "ipv4:192.0.2.7:1"), ("rescue-forwarded-proof-bin", b"guessed"))
    async with grpc.aio.insecure_channel(sides.edge_address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await clock_pb2_grpc.ClockServiceStub(channel).GetClock(clock_pb2.GetClockRequest(), metadata=forged)
    error = from_rpc_error(caught.value)
    assert isinstance(error, NotLeading)
    assert error.leader == sides.cluster.address_of(await sides.cluster.next_leader())


async def test_calls_at_an_edge_go_on_when_the_leader_is_killed(sides: Sides) -> None:
    alice = await sides.edge.technician("alice")
    session, _ = await alice.pin("Ms Vos")
    await sides.cluster.kill_server()
    other, _ = await alice.pin("Mr Berg")
    await alice.sees(other, "Connecting")
    assert session in alice.sessions


async def test_a_follower_shows_at_once_what_a_leader_acknowledged_before_it_was_killed(sides: Sides) -> None:
    await sides.edge.technician("alice")
    secret = find_secret("alice", data=sides.cluster.data(sides.edge_name))
    leader = await sides.cluster.next_leader()
    async with (
        Connection(sides.edge_address, user="alice", secret=secret) as there,
        Connection(sides.cluster.address_of(leader), user="alice", secret=secret) as here,
    ):
        await ConsoleClient(there).queue()
        creating = [ConsoleClient(here).create_pin(str(number)) for number in range(40)]
        made = {created.session for created in await asyncio.gather(*creating)}
        await sides.cluster.kill_server(leader)
        assert made <= {entry.session for entry in (await ConsoleClient(there).queue()).entries}


async def active(world: World, technician: Technician) -> str:
    """Return a session that the technician has started: of such a one it counts whether they are in focus."""
    session, pin = await technician.pin("Ms Vos")
    await world.computer(pin=pin)
    await technician.start(session)
    return session


async def focus_changes(sides: Sides, session: str) -> list[bool]:
    """Return what the journal says of the focus of a session's technician."""
    found: list[bool] = []
    async for piece in sides.edge.journal.read(session=session):
        found += [bool(line.body["focused"]) for line in piece.lines if line.name == "FocusChanged"]
    return found


def server_events(technician: Technician) -> list[str]:
    """Return what a console said of its server: that it is lost, and back."""
    return [str(event["state"]) for event in technician.program.events if event.get("event") == "server"]


async def connected(world: World) -> set[str]:
    """Return the technicians with a console, as a supervisor sees them at the server of this world."""
    secret = find_secret("admin", data=world.data)
    async with (
        Connection(world.address, user="admin", secret=secret) as connection,
        aclosing(OverviewClient(connection).watch()) as overviews,
    ):
        overview = await anext(overviews)
    return {queue.technician for queue in overview.queues if queue.connected}


async def test_the_leader_knows_the_consoles_of_every_server(sides: Sides) -> None:
    alice, bob = await sides.edge.technician("alice"), await sides.leader.technician("bob")
    await sides.edge.advance(seconds=1)  # it returns when every server has the news
    assert await connected(sides.leader) == await connected(sides.edge) == {"alice", "bob"}
    session = await active(sides.edge, alice)
    await alice.focus(False)
    await alice.focus(True)
    assert await focus_changes(sides, session) == [False, True]
    assert not bob.sessions


async def test_a_watch_at_an_edge_is_not_broken_by_the_leaders_death(sides: Sides) -> None:
    alice = await sides.edge.technician("alice")
    session = await active(sides.leader, alice)
    await sides.cluster.kill_server()
    other, _ = await alice.pin("Mr Berg")
    assert {session, other} <= set(alice.sessions)
    assert not server_events(alice)
    assert await focus_changes(sides, session) == [], "the console stays in focus"


async def test_fault_rules_hold_at_every_server(sides: Sides) -> None:
    alice = await sides.edge.technician("alice")
    await sides.leader.faults.add("fail next ListQueue of alice with PERMISSION_DENIED")
    with pytest.raises(CommandRefused, match="a fault rule"):
        await alice.queue()
    await alice.queue()
    session = await active(sides.edge, alice)
    await sides.leader.faults.add("fail next 3 ListQueue of bob with PERMISSION_DENIED")
    await alice.focus(False)
    assert await focus_changes(sides, session) == [False], "a watch that was open before the rule is still known"


@pytest.mark.long
async def test_a_server_without_leader_and_log_sends_its_clients_away(sides: Sides) -> None:
    alice = await sides.edge.technician("alice")
    session, _ = await alice.pin("Ms Vos")
    await asyncio.to_thread(sides.cluster.nodes.kill, "n1")
    await sides.cluster.kill_server()
    await alice.program.until(lambda: server_events(alice) == ["lost"], timeout=30, what="the loss")
    await asyncio.to_thread(sides.cluster.nodes.start, "n1")
    await alice.program.until(lambda: server_events(alice) == ["lost", "back"], timeout=30, what="the return")
    await alice.sync()
    assert session in alice.sessions


async def test_commands_by_a_stream_at_an_edge_are_each_done_once_though_the_leader_is_killed(sides: Sides) -> None:
    await sides.edge.technician("alice")
    secret = find_secret("alice", data=sides.cluster.data(sides.edge_name))
    async with Connection(sides.edge_address, user="alice", secret=secret) as connection:
        async with ConsoleClient(connection).by_stream() as console, asyncio.timeout(60):
            created = await console.create_pin("first")
            assert created.session in [entry.session for entry in (await console.queue()).entries]
            creating = [asyncio.create_task(console.create_pin(str(number))) for number in range(300)]
            await asyncio.wait(creating, return_when=asyncio.FIRST_COMPLETED)
            await sides.cluster.kill_server()
            assert not all(one.done() for one in creating)
            made = await asyncio.gather(*creating)
            entries = (await console.queue()).entries
        assert sorted(entry.customer for entry in entries) == sorted(["first", *map(str, range(300))])
        assert {entry.session for entry in entries} == {created.session, *(one.session for one in made)}


async def test_the_state_of_a_cluster_tells_where_everybody_is(sides: Sides) -> None:
    alice = await sides.edge.technician("alice")
    await sides.leader.technician("bob")
    await active(sides.edge, alice)
    secret = find_secret("admin", data=sides.edge.data)

    async def at_work() -> dict[str, tuple[int, int]]:
        async with Connection(sides.edge_address, user="admin", secret=secret) as connection:
            state = await ClusterClient(connection).state()
        assert state.leader is not None
        assert state.leader.leads_for > timedelta(0)
        return {server.name: (server.applets, server.consoles) for server in state.servers}

    expected = {name: (1, 1) if name == sides.edge_name else (0, 1) for name in sides.cluster.names}
    async with asyncio.timeout(10):
        while await at_work() != expected:  # noqa: ASYNC110, servers report four times a second, and set no event here
            await asyncio.sleep(0.05)
