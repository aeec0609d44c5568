"""The leader's side of the links, and what people ask about the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from rescue_protos.errors import NotLeading, Unauthenticated
from rescue_protos.v1 import cluster_pb2, cluster_pb2_grpc
from rescue_server.cluster.election import PING
from rescue_server.cluster.proofs import is_proof, new_nonce, prove
from rescue_server.cluster.roster import KnownServer
from rescue_server.cluster.standing import MemberStanding
from rescue_server.replicated.log import EngineNode
from rescue_server.rpc.call_context import CallContext

LEADER, FOLLOWER = "leader", "follower"
"""The roles in proofs: a proof of one side is none of the other."""

_GREETS_WITHIN = 5.0  # real seconds
Nodes = Callable[[], Sequence[EngineNode]]
Requests = AsyncIterator[cluster_pb2.LinkRequest]


class LinkService(cluster_pb2_grpc.ClusterServiceServicer):
    """Serves the links of one server. `cluster` is the cluster's name, `nodes` looks at the engine."""

    def __init__(self, standing: MemberStanding, *, key: bytes, cluster: str, nodes: Nodes) -> None:
        self._standing = standing
        self._key = key
        self._cluster = cluster
        self._nodes = nodes
        self._ended = asyncio.Event()

    def drain(self) -> None:
        """End every link."""
        self._ended.set()

    async def Link(self, requests: Requests, context: CallContext) -> AsyncIterator[cluster_pb2.LinkResponse]:
        roster = self._standing.roster
        greeting = (await _next(requests)).greeting
        nonce = new_nonce()
        proof = prove(self._key, LEADER, greeting.nonce, self._standing.name)
        yield cluster_pb2.LinkResponse(proof=cluster_pb2.LinkProof(proof=proof, nonce=nonce))
        given = (await _next(requests)).proof.proof
        if not is_proof(given, self._key, FOLLOWER, nonce, greeting.server, greeting.address, greeting.instance):
            raise Unauthenticated("this server has not the key of the cluster: give it with --cluster-key FILE")
        roster.join(greeting.server, address=greeting.address, instance=greeting.instance)
        reading = asyncio.create_task(self._read_reports(requests, greeting))
        try:
            while not reading.done() and not self._ended.is_set():
                if not self._standing.leads:
                    raise NotLeading.of(self._standing.leader_address)
                members = [_message(member) for member in self._standing.members()]
                yield cluster_pb2.LinkResponse(news=cluster_pb2.LinkNews(members=members))
                await asyncio.wait([reading], timeout=PING)
        finally:
            reading.cancel()
            roster.leave(greeting.server, greeting.instance)

    async def GetCluster(
        self, request: cluster_pb2.GetClusterRequest, context: CallContext
    ) -> cluster_pb2.GetClusterResponse:
        nodes = await asyncio.to_thread(self._nodes)
        return cluster_pb2.GetClusterResponse(
            cluster=self._cluster,
            epoch=self._standing.place.epoch,
            members=[_message(member) for member in self._standing.members()],
            nodes=[cluster_pb2.ClusterNode(name=node.name, role=node.role) for node in nodes],
        )

    async def _read_reports(self, requests: Requests, greeting: cluster_pb2.LinkGreeting) -> None:
        async for request in requests:
            self._standing.roster.report(greeting.server, greeting.instance, request.report.position)


async def _next(requests: Requests) -> cluster_pb2.LinkRequest:
    try:
        async with asyncio.timeout(_GREETS_WITHIN):
            return await anext(requests)
    except (TimeoutError, StopAsyncIteration):
        raise Unauthenticated("a server that links to another one greets and proves its key") from None


def _message(member: KnownServer) -> cluster_pb2.ClusterMember:
    return cluster_pb2.ClusterMember(
        server=member.name, address=member.address, position=member.position, leads=member.leads
    )
