"""The leader's side of the links, and what people ask about the cluster."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence

from rescue_protos.errors import NotLeading, Unauthenticated
from rescue_protos.v1 import cluster_pb2, cluster_pb2_grpc
from rescue_server.cluster.election import PING
from rescue_server.cluster.link_outbox import Overflow
from rescue_server.cluster.linked_servers import LinkedServer, LinkedServers
from rescue_server.cluster.news import member_message
from rescue_server.cluster.proofs import is_proof, new_nonce, prove
from rescue_server.cluster.roster import Busy, Linked
from rescue_server.cluster.standing import MemberStanding
from rescue_server.replicated.log import EngineNode
from rescue_server.rpc.call_context import CallContext

log = logging.getLogger(__name__)
LEADER, FOLLOWER = "leader", "follower"
"""The roles in proofs: a proof of one side is none of the other."""

_GREETS_WITHIN = 5.0  # real seconds
_SILENT = 5.0  # real seconds: a server that stands still is as good as gone
Nodes = Callable[[], Sequence[EngineNode]]
Requests = AsyncIterator[cluster_pb2.LinkRequest]


class LinkService(cluster_pb2_grpc.ClusterServiceServicer):
    """Serves the links of one server. `cluster` is the cluster's name, `nodes` looks at the engine.

    `news` makes what a linked server is told regularly.
    """

    def __init__(
        self,
        standing: MemberStanding,
        linked: LinkedServers,
        news: Callable[[LinkedServer], cluster_pb2.LinkNews],
        *,
        key: bytes,
        cluster: str,
        nodes: Nodes,
    ) -> None:
        self._standing = standing
        self._linked = linked
        self._news = news
        self._key = key
        self._cluster = cluster
        self._nodes = nodes
        self._ended = asyncio.Event()

    def drain(self) -> None:
        """End every link."""
        self._ended.set()
        self._linked.wake()

    async def Link(self, requests: Requests, context: CallContext) -> AsyncIterator[cluster_pb2.LinkResponse]:
        greeting = (await _next(requests)).greeting
        nonce = new_nonce()
        proof = prove(self._key, LEADER, greeting.nonce, self._standing.name)
        yield cluster_pb2.LinkResponse(proof=cluster_pb2.LinkProof(proof=proof, nonce=nonce))
        given = (await _next(requests)).proof.proof
        if not is_proof(given, self._key, FOLLOWER, nonce, greeting.server, greeting.address, greeting.instance):
            raise Unauthenticated("this server has not the key of the cluster: give it with --cluster-key FILE")
        self._require_leading()
        server = LinkedServer(greeting.server, greeting.address, greeting.instance)
        joined = self._standing.roster.join(server.name, address=server.address, instance=server.instance)
        reading = asyncio.create_task(self._read(requests, server, joined))
        reading.add_done_callback(lambda task: server.outbox.wake())
        self._linked.opened(server)
        try:
            messages: list[cluster_pb2.LinkResponse] = []
            while not reading.done() and not self._ended.is_set() and server.silence() < _SILENT:
                self._require_leading()
                yield cluster_pb2.LinkResponse(news=self._news(server))  # first: what follows may build on it
                for message in messages:
                    yield message
                messages = await server.outbox.take(within=PING)
        except Overflow:
            log.warning("the link to %s ends: it does not read", server.name)
        finally:
            reading.cancel()
            self._linked.ended(server)
            self._standing.roster.leave(joined)

    def _require_leading(self) -> None:
        if not self._standing.leads:
            raise NotLeading.of(self._standing.leader_address)

    async def GetCluster(
        self, request: cluster_pb2.GetClusterRequest, context: CallContext
    ) -> cluster_pb2.GetClusterResponse:
        nodes = await asyncio.to_thread(self._nodes)
        return cluster_pb2.GetClusterResponse(
            cluster=self._cluster,
            epoch=self._standing.place.epoch,
            members=[member_message(member) for member in self._standing.members()],
            nodes=[cluster_pb2.ClusterNode(name=node.name, role=node.role) for node in nodes],
        )

    async def _read(self, requests: Requests, server: LinkedServer, joined: Linked) -> None:
        async for request in requests:
            server.record_sign_of_life()
            if request.HasField("report"):
                report = request.report
                busy = Busy(report.applets, report.consoles)
                self._standing.roster.report(joined, report.position, busy)
            else:
                self._linked.received(server, request)


async def _next(requests: Requests) -> cluster_pb2.LinkRequest:
    try:
        async with asyncio.timeout(_GREETS_WITHIN):
            return await anext(requests)
    except (TimeoutError, StopAsyncIteration):
        raise Unauthenticated("a server that links to another one greets and proves its key") from None
