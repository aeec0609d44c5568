"""Several servers on one log: who leads, how far each has come, and how the engine's nodes are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from rescue_client.connection import Connection
from rescue_client.service import ServiceClient
from rescue_protos.v1 import cluster_pb2, cluster_pb2_grpc

if TYPE_CHECKING:
    from rescue_protos.v1.cluster_pb2_grpc import ClusterServiceAsyncStub

_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterServer:
    """One server: its name, HOST:PORT, whether it leads, and how many records of the log it has applied.

    `leads_for`: how long it leads, in real time. `applets` are attached to it; `consoles` counts watches of queues.
    """

    name: str
    address: str
    leads: bool
    position: int
    leads_for: timedelta = timedelta(0)
    applets: int = 0
    consoles: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterNode:
    """One node of the engine. `role` is "leader", "follower", or "lost" if the others do not hear from it."""

    name: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterState:
    """The cluster as one server knows it: all servers that are linked to the leader. `epoch` counts the leaders."""

    name: str
    epoch: int
    servers: tuple[ClusterServer, ...]
    nodes: tuple[ClusterNode, ...]

    @property
    def leader(self) -> ClusterServer | None:
        """The server that leads; None if none does."""
        return next((server for server in self.servers if server.leads), None)

    def lag(self, server: ClusterServer) -> int:
        """Return how many records a server is behind the leader."""
        leader = self.leader
        return max(0, leader.position - server.position) if leader else 0


class ClusterClient:
    """Asks one of several servers about all of them."""

    def __init__(self, connection: Connection) -> None:
        self._service: ServiceClient[ClusterServiceAsyncStub] = ServiceClient(
            connection, cluster_pb2_grpc.ClusterServiceStub, timeout=_TIMEOUT
        )

    async def state(self) -> ClusterState:
        """Return the cluster's state. Raises RescueError; its code is UNIMPLEMENTED if the server is alone."""
        found = await self._service.call_idempotent(lambda stub: stub.GetCluster, cluster_pb2.GetClusterRequest())
        return ClusterState(
            name=found.cluster,
            epoch=found.epoch,
            servers=tuple(
                ClusterServer(
                    name=one.server,
                    address=one.address,
                    leads=one.leads,
                    position=one.position,
                    leads_for=one.leads_for.ToTimedelta(),
                    applets=one.applets,
                    consoles=one.consoles,
                )
                for one in found.members
            ),
            nodes=tuple(ClusterNode(name=one.name, role=one.role) for one in found.nodes),
        )
