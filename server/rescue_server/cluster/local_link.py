"""The link of a server to itself: one that begins to lead goes on with the applets that are attached to it."""

from __future__ import annotations

from rescue_protos.v1 import cluster_pb2
from rescue_server.cluster.link_outbox import LinkOutbox
from rescue_server.cluster.linked_servers import LinkedServer, LinkedServers
from rescue_server.cluster.uplink import Uplink


class _ThisServer(LinkedServer):
    def __init__(self, name: str, uplink: Uplink) -> None:
        super().__init__(name, address="", instance="")
        self._uplink = uplink

    def silence(self) -> float:
        return 0.0

    def send(self, message: cluster_pb2.LinkResponse) -> None:
        self._uplink.received(message)


class _ToItself(LinkOutbox[cluster_pb2.LinkRequest]):
    def __init__(self, linked: LinkedServers, server: LinkedServer) -> None:
        super().__init__()
        self._linked = linked
        self._server = server

    def send(self, message: cluster_pb2.LinkRequest) -> None:
        self._linked.received(self._server, message)


def link_to_itself(name: str, uplink: Uplink, linked: LinkedServers) -> None:
    """Let what a server sends as one that follows reach itself as the one that leads, in the same turn."""
    uplink.opened(_ToItself(linked, _ThisServer(name, uplink)))
