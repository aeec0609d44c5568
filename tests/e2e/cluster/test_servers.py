"""Several servers on one log: one leads, and when it is gone another one does; nobody notices but by a reconnect."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import grpc
import pytest

from rescue_client import AdminClient, Connection
from rescue_common.hosts import parse_host_port
from rescue_common.processes.child import Program
from rescue_common.state_directory import find_secret
from rescue_emulator.world.cluster_programs import ClusterPrograms
from rescue_emulator.world.world import World
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import Unauthenticated
from rescue_protos.v1 import access_pb2, access_pb2_grpc
from rescue_server.cluster.proofs import make_key
from rescue_server.runtime.schedule.timekeeper import MARK_CLOCK
from rescue_server.store.online_backup import back_up
from tests.torture.machine import paused

pytestmark = pytest.mark.timeout(120)


async def test_consoles_and_computers_go_on_when_the_leader_is_killed(cluster: ClusterPrograms, world: World) -> None:
    alice = await world.technician("alice")
    session, pin = await alice.pin("Ms Vos")
    computer = await world.computer(pin=pin)
    await alice.command("start", session)
    async with computer.lan_off():
        await world.advance(minutes=1)
        await alice.sees(session, "Reconnecting")
    await alice.sees(session, "Active")
    for _ in range(2):
        killed = await cluster.kill_server()
        await alice.command("hold", session)
        await alice.sees(session, "On Hold")
        assert await cluster.next_leader() != killed
        await cluster.start_server(killed)
        await alice.command("start", session)
        await alice.sees(session, "Active")
    starts = [event for event in alice.program.events if event.get("event") == "snapshot-end"]
    assert len(starts) == 1, "a console resumes, and needs no second snapshot"


async def test_a_leader_that_ends_in_order_hands_over(cluster: ClusterPrograms, world: World) -> None:
    leader = await cluster.next_leader()
    assert await cluster.stop_server(leader) == 0
    assert await cluster.next_leader(than=leader) != leader
    assert (await world.admin.organization()).groups


async def test_a_leader_that_was_stopped_follows_when_it_goes_on_though_nothing_is_stored(
    cluster: ClusterPrograms,
) -> None:
    stopped = await cluster.next_leader()
    await asyncio.sleep(MARK_CLOCK + 0.5)  # after its start it stores where the clock stands
    program = cluster.programs[stopped]
    with paused(program.pid):
        other = await cluster.next_leader(stopped)
    follows = await program.event(lambda event: event.get("event") == "follows" and event["leader"] == other, 20)
    assert follows["epoch"] == 2


async def test_a_server_that_lacks_a_secret_asks_the_leader(cluster: ClusterPrograms) -> None:
    """A server that follows may lack a secret that was renewed just now."""
    leader = await cluster.next_leader()
    (follower,) = set(cluster.names) - {leader}
    async with grpc.aio.insecure_channel(cluster.address_of(follower)) as channel:
        access = access_pb2_grpc.AccessServiceStub(channel)
        with paused(cluster.programs[leader].pid):
            secret = find_secret("admin", data=cluster.data(follower))
            known = await access.SignIn(access_pb2.SignInRequest(user="admin", secret=secret), timeout=10)
            assert known.administrator, "the right secret needs no leader"
            refused = access.SignIn(access_pb2.SignInRequest(user="admin", secret="wrong"))
            await asyncio.sleep(0.5)
            assert not refused.done(), "it refuses nobody by itself"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await refused
        assert isinstance(from_rpc_error(caught.value), Unauthenticated)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such reservation")
async def test_nobody_gets_the_port_of_what_is_down(cluster: ClusterPrograms) -> None:
    leader = await cluster.next_leader()
    places = [cluster.address_of(leader), *cluster.nodes.addresses]
    await cluster.kill_server(leader)
    cluster.nodes.kill("n1")
    for address in places:
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind(parse_host_port(address))
    await cluster.start_dead()
    assert cluster.address_of(leader) == places[0]


async def test_a_client_that_knows_one_server_finds_the_leader(cluster: ClusterPrograms) -> None:
    for name in cluster.names:
        secret = find_secret("admin", data=cluster.data(name))
        async with Connection(cluster.address_of(name), user="admin", secret=secret) as connection:
            assert (await AdminClient(connection).organization()).groups


async def test_every_server_has_what_clients_of_its_account_need(cluster: ClusterPrograms) -> None:
    for name in cluster.names:
        async with Connection.find(user="admin", data=cluster.data(name)) as connection:
            assert (await AdminClient(connection).organization()).groups


async def refused(cluster: ClusterPrograms, *options: str, name: str = "s9", data: str = "s9") -> str:
    """Start a server that cannot join, and return what it says."""
    directory = cluster.directory / data
    program = await Program.start(
        "refused",
        "rescue_server",
        *("--cluster", cluster.nodes.url(), "--name", name, "--data", str(directory), "--json", *options),
        environment={"RESCUE_DATA": str(cluster.directory / "account")},
    )
    assert await program.ended(60) == 1
    assert len(program.log_tail().splitlines()) == 1
    return program.log_tail()


async def test_a_server_without_the_clusters_key_is_refused(cluster: ClusterPrograms) -> None:
    make_key(cluster.directory / "other.key")
    said = await refused(cluster, "--cluster-key", str(cluster.directory / "other.key"))
    assert "has another key: give this server the same file as the others" in said


@pytest.mark.long
async def test_a_second_server_of_one_name_is_refused(cluster: ClusterPrograms) -> None:
    leader = await cluster.next_leader()
    (follower,) = set(cluster.names) - {leader}
    for name in (leader, follower):
        key = str(cluster.directory / "cluster.key")
        said = await refused(cluster, "--cluster-key", key, name=name, data=f"second-{name}")
        assert f"there is a server '{name}' in this cluster: give each its own --name" in said
    assert cluster.leader() == leader


async def test_a_state_directory_of_another_cluster_is_refused(cluster: ClusterPrograms) -> None:
    leader = await cluster.next_leader()
    (follower,) = set(cluster.names) - {leader}
    await cluster.stop_server(follower)
    key = str(cluster.directory / "cluster.key")
    url = cluster.nodes.url("another")
    said = await refused(cluster, "--cluster-key", key, "--cluster", url, name=follower, data=follower)
    assert "the log of the cluster was set back or is another one" in said


async def test_an_organization_for_a_cluster_that_has_one_is_refused(cluster: ClusterPrograms) -> None:
    file = cluster.directory / "organization.toml"
    file.write_text('[groups]\n"Others" = []\n', encoding="utf-8")
    key = str(cluster.directory / "cluster.key")
    said = await refused(cluster, "--cluster-key", key, "--organization", str(file))
    assert "the cluster 'rescue' has an organization already: leave --organization out" in said


async def test_a_cluster_that_exists_is_not_replaced_by_a_backup(cluster: ClusterPrograms) -> None:
    backup = cluster.directory / "backup"
    back_up(cluster.data("s1"), backup)
    said = await refused(cluster, "--cluster-key", str(cluster.directory / "cluster.key"), "--restore", str(backup))
    assert "the log of the cluster 'rescue' exists: --restore begins a new one, so take another name" in said


async def test_the_store_of_a_server_alone_is_not_taken_for_a_members(cluster: ClusterPrograms) -> None:
    async with World(data=cluster.directory / "alone"):
        pass
    said = await refused(cluster, "--cluster-key", str(cluster.directory / "cluster.key"), data="alone")
    assert "is the store of a server alone: begin a cluster with a backup of it" in said


async def test_a_cluster_moves_back_to_a_server_alone(cluster: ClusterPrograms, world: World, tmp_path: Path) -> None:
    session, _ = await (await world.technician("alice")).pin("Ms Vos")
    leader = await cluster.next_leader()
    back_up(cluster.data(leader), tmp_path / "backup")
    await cluster.stop_server(leader)

    direct = await Program.start("direct", "rescue_server", "--data", str(cluster.data(leader)), environment={})
    assert await direct.ended(60) == 1
    assert "this is the store of one of several servers" in direct.log_tail()
    moved = ["--data", str(tmp_path / "alone"), "--restore", str(tmp_path / "backup"), "--json"]
    alone = await Program.start("alone", "rescue_server", *moved, environment={})
    try:
        server = str((await alone.event("ready", timeout=60))["server"])
        async with World.external(server=server, data=tmp_path / "alone", share=False) as other:
            there = await other.technician("alice")
            assert session in there.sessions
            later, _ = await there.pin("Mr Berg")
            assert int(later) > int(session)
    finally:
        assert await alone.stop() == 0


async def test_a_server_alone_moves_into_a_cluster(tmp_path: Path) -> None:
    async with World() as alone:
        session, _ = await (await alone.technician("alice")).pin("Ms Vos")
        back_up(alone.data, tmp_path / "backup")
    restore = ["--restore", str(tmp_path / "backup")]
    begun = ClusterPrograms(tmp_path / "c", servers=2, nodes=1, options=["--paused"], first=restore)
    async with begun as programs:
        await programs.kill_server("s1")
        assert await programs.next_leader(than="s1") == "s2"
        async with World.external(server=programs.address, data=programs.data("s2"), share=False) as world:
            alice = await world.technician("alice")
            assert session in alice.sessions
