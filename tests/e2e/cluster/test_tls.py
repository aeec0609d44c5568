"""Servers of a cluster that talk to each other, and with everybody, by mutual TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from rescue_emulator.world.cluster_programs import ClusterPrograms
from rescue_emulator.world.world import World
from rescue_protos.v1 import clock_pb2, clock_pb2_grpc
from rescue_server.startup.certificates import make_certificates

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    make_certificates(tmp_path / "tls", ["127.0.0.1"])
    return tmp_path / "tls"


@pytest.fixture
async def cluster(tmp_path: Path, certificates: Path) -> AsyncIterator[ClusterPrograms]:
    files = {"--tls-cert": "server.pem", "--tls-key": "server.key", "--tls-client-ca": "ca.pem"}
    options = [part for option, file in files.items() for part in (option, str(certificates / file))]
    async with ClusterPrograms(tmp_path / "cluster", servers=2, nodes=1, options=["--paused", *options]) as programs:
        yield programs


async def test_a_follower_serves_by_tls_also_when_the_leader_is_killed(cluster: ClusterPrograms) -> None:
    (edge,) = set(cluster.names) - {await cluster.next_leader()}
    async with World.external(server=cluster.address_of(edge), data=cluster.data(edge), share=False) as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin("Ms Vos")
        computer = await world.computer(pin=pin)
        await alice.start(session)
        async with computer.lan_off():
            await world.advance(minutes=1)
            await alice.sees(session, "Reconnecting")
        await alice.sees(session, "Active")
        await cluster.kill_server()
        await alice.hold(session)
        await alice.sees(session, "On Hold")


async def test_a_stranger_without_a_certificate_gets_nowhere(cluster: ClusterPrograms) -> None:
    for name in cluster.names:
        async with grpc.aio.insecure_channel(cluster.address_of(name)) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await clock_pb2_grpc.ClockServiceStub(channel).GetClock(clock_pb2.GetClockRequest(), timeout=5)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
