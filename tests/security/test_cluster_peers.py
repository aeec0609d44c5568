"""Only who has the key of the cluster is one of its servers, and what such a server said is of no use to others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeAlias

import grpc
import pytest

from rescue_client import Connection
from rescue_client.cluster import ClusterClient
from rescue_emulator.world.cluster_programs import ClusterPrograms
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import RescueError, ResourceExhausted, Unauthenticated
from rescue_protos.v1 import access_pb2, access_pb2_grpc, cluster_pb2, cluster_pb2_grpc
from rescue_server.cluster.link_service import FOLLOWER
from rescue_server.cluster.proofs import is_proof, new_nonce, prove
from rescue_server.runtime.allowance import WRONG_SECRETS

GREETING = cluster_pb2.LinkGreeting(server="s2", address="127.0.0.1:9", instance="i", nonce=b"a nonce of 16 by")
Link: TypeAlias = "grpc.aio.StreamStreamCall[cluster_pb2.LinkRequest, cluster_pb2.LinkResponse]"
WHO = (GREETING.server, GREETING.address, GREETING.instance)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[ClusterPrograms]:
    async with ClusterPrograms(tmp_path, servers=1, nodes=1) as programs:
        yield programs


class Peer:
    """Somebody who opens links to the leader."""

    def __init__(self, cluster: ClusterPrograms, channel: grpc.aio.Channel) -> None:
        self.key = (cluster.directory / "cluster.key").read_bytes()
        self.stub = cluster_pb2_grpc.ClusterServiceStub(channel)

    async def greet(self) -> tuple[Link, cluster_pb2.LinkProof]:
        """Open a link; return it with what the leader proves."""
        link: Link = self.stub.Link()
        await link.write(cluster_pb2.LinkRequest(greeting=GREETING))
        answer = await link.read()
        assert isinstance(answer, cluster_pb2.LinkResponse)
        return link, answer.proof

    async def prove(self, link: Link, proof: bytes) -> RescueError | None:
        """Send a proof; return how it was refused."""
        await link.write(cluster_pb2.LinkRequest(proof=cluster_pb2.LinkProof(proof=proof)))
        try:
            news = await link.read()
        except grpc.aio.AioRpcError as error:
            return from_rpc_error(error)
        assert isinstance(news, cluster_pb2.LinkResponse)
        assert news.HasField("news")
        return None


async def members(cluster: ClusterPrograms) -> set[str]:
    async with Connection.find(user="admin", data=cluster.data()) as connection:
        return {server.name for server in (await ClusterClient(connection).state()).servers}


async def test_a_link_needs_a_proof_of_the_key_made_for_it_alone(cluster: ClusterPrograms) -> None:
    async with grpc.aio.insecure_channel(cluster.address) as channel:
        peer = Peer(cluster, channel)
        link, leaders = await peer.greet()
        assert is_proof(leaders.proof, peer.key, "leader", GREETING.nonce, "s1")
        right = prove(peer.key, FOLLOWER, leaders.nonce, *WHO)
        assert await peer.prove(link, right) is None
        assert await members(cluster) == {"s1", "s2"}
        link.cancel()

        forgeries: dict[str, Callable[[bytes], bytes]] = {
            "of another key": lambda nonce: prove(b"x" * 32, FOLLOWER, nonce, *WHO),
            "said before": lambda nonce: right,
            "of another server": lambda nonce: prove(peer.key, FOLLOWER, nonce, "s3", *WHO[1:]),
            "what the leader proved": lambda nonce: prove(peer.key, "leader", nonce, *WHO),
            "none": lambda nonce: b"",
        }
        for name, forge in forgeries.items():
            link, leaders = await peer.greet()
            refusal = await peer.prove(link, forge(leaders.nonce))
            assert isinstance(refusal, Unauthenticated), name
        assert len({(await peer.greet())[1].nonce for _ in range(3)}) == 3


async def test_who_greets_nobody_is_refused(cluster: ClusterPrograms) -> None:
    async with grpc.aio.insecure_channel(cluster.address) as channel:
        link: Link = cluster_pb2_grpc.ClusterServiceStub(channel).Link()
        await link.done_writing()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await link.read()
        assert isinstance(from_rpc_error(caught.value), Unauthenticated)


async def test_an_address_that_a_stranger_claims_for_its_calls_does_not_count(cluster: ClusterPrograms) -> None:
    """Who guesses secrets would otherwise have as many addresses as they like."""
    key = (cluster.directory / "cluster.key").read_bytes()
    async with grpc.aio.insecure_channel(cluster.address) as channel:
        access = access_pb2_grpc.AccessServiceStub(channel)

        async def guess(claimed: str, proof: bytes) -> RescueError:
            metadata = (("rescue-forwarded-for", claimed), ("rescue-forwarded-proof-bin", proof))
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await access.SignIn(access_pb2.SignInRequest(user="alice", secret="guess"), metadata=metadata)
            return from_rpc_error(caught.value)

        refusals = [await guess(f"ipv4:192.0.2.{n}:1", new_nonce()) for n in range(2 * WRONG_SECRETS.at_once)]
        assert isinstance(refusals[0], Unauthenticated)
        assert isinstance(refusals[-1], ResourceExhausted)
        claimed = "ipv4:192.0.2.1:1"
        assert isinstance(await guess(claimed, prove(key, "forwarded", claimed)), Unauthenticated)
