"""After an advance: every console of the cluster is to have what it led to, whichever server it watches at."""

from __future__ import annotations

import asyncio
import contextlib
import itertools

from rescue_common.background_tasks import BackgroundTasks
from rescue_protos.v1 import cluster_pb2
from rescue_server.cluster.linked_servers import LinkedServer, LinkedServers
from rescue_server.cluster.uplink import Uplink
from rescue_server.runtime.watch import Watch

_WITHIN = 2.0  # real seconds, as for the consoles of one server


class Settling:
    """The leader's side: it asks all linked servers."""

    def __init__(self, linked: LinkedServers) -> None:
        self._linked = linked
        self._numbers = itertools.count(1)
        self._open: dict[tuple[LinkedServer, int], asyncio.Event] = {}
        linked.on("settled", self._settled)
        linked.on_end(self._ended)

    async def settled(self, revision: int, timeout: float = _WITHIN) -> None:
        """Wait until the consoles at other servers have all up to a revision, `timeout` real seconds at most."""
        number = next(self._numbers)
        settle = cluster_pb2.LinkResponse(settle=cluster_pb2.Settle(number=number, revision=revision))
        asked = {(server, number): asyncio.Event() for server in self._linked.open}
        self._open |= asked
        try:
            for server in self._linked.open:
                server.send(settle)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    for settled in asked.values():
                        await settled.wait()
        finally:
            for key in asked:
                self._open.pop(key, None)

    def _settled(self, server: LinkedServer, message: cluster_pb2.LinkRequest) -> None:
        if (settled := self._open.get((server, message.settled.number))) is not None:
            settled.set()

    def _ended(self, server: LinkedServer) -> None:
        for (asked, _), settled in self._open.items():
            if asked is server:
                settled.set()


class SettlesConsoles:
    """The other side: waits for the consoles of one server, and says so."""

    def __init__(self, uplink: Uplink, watch: Watch) -> None:
        self._uplink = uplink
        self._watch = watch
        self._tasks = BackgroundTasks()
        uplink.on("settle", self._asked)

    def _asked(self, message: cluster_pb2.LinkResponse) -> None:
        self._tasks.start(self._settle(message.settle))

    async def _settle(self, settle: cluster_pb2.Settle) -> None:
        if await self._watch.reach(settle.revision, timeout=_WITHIN):
            await self._watch.settled(settle.revision, _WITHIN)
        self._uplink.send(cluster_pb2.LinkRequest(settled=cluster_pb2.Settled(number=settle.number)))
