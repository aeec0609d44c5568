"""All queues, as an administrator watches them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rescue_client.connection import Connection
from rescue_client.decoding import entry_of
from rescue_client.records import Entry
from rescue_client.service import ServiceClient
from rescue_common.natural_order import natural_key
from rescue_protos.errors import Unauthenticated, Unavailable
from rescue_protos.v1 import admin_pb2, admin_pb2_grpc

if TYPE_CHECKING:
    from rescue_protos.v1.admin_pb2_grpc import AdminServiceAsyncStub

_TIMEOUT = 10.0  # real seconds
_PAUSE = 0.5  # real seconds between two attempts to reach an absent server


@dataclass(frozen=True, slots=True, kw_only=True)
class TechnicianQueue:
    """One technician's queue; `connected` is True if one of the technician's consoles is connected."""

    technician: str
    group: str
    connected: bool
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All queues at a revision, sorted by technician. `online` is False while the server is away."""

    revision: int
    queues: tuple[TechnicianQueue, ...]
    online: bool = True


class OverviewClient:
    """The watch of all queues, for an administrator."""

    def __init__(self, connection: Connection) -> None:
        self._service: ServiceClient[AdminServiceAsyncStub] = ServiceClient(
            connection, admin_pb2_grpc.AdminServiceStub, timeout=_TIMEOUT
        )

    async def watch(self) -> AsyncGenerator[Overview, None]:
        """Deliver all queues whenever one of them changed, also after the server was away. Close the generator.

        Raises RescueError if this user may not watch.
        """
        known: dict[str, TechnicianQueue] = {}
        revision, online = 0, True

        def overview() -> Overview:
            return Overview(
                revision=revision, queues=tuple(known[name] for name in sorted(known, key=natural_key)), online=online
            )

        while True:
            request = admin_pb2.WatchQueuesRequest()
            try:
                is_first = True
                async with contextlib.aclosing(self._service.stream(lambda stub: stub.WatchQueues, request)) as states:
                    async for state in states:
                        if is_first:
                            known, online = {}, True
                        has_news = not known or bool(state.queues or state.removed)
                        is_first = False
                        known |= {queue.technician: _queue(queue) for queue in state.queues}
                        for name in state.removed:
                            known.pop(name, None)
                        revision = state.revision
                        if has_news:
                            yield overview()
            except Unauthenticated:
                if is_first:
                    raise  # it failed with a fresh token, too
                continue  # the token expired: the next stream gets a new one
            except Unavailable:
                pass
            if online:
                online = False
                yield overview()
            await asyncio.sleep(_PAUSE)


def _queue(message: admin_pb2.TechnicianQueue) -> TechnicianQueue:
    return TechnicianQueue(
        technician=message.technician,
        group=message.group,
        connected=message.connected,
        entries=tuple(entry_of(entry, message.technician) for entry in message.entries),
    )
