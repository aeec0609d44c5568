"""All queues side by side, as a supervising client sees them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from rescue_client.caller import Caller
from rescue_client.decoding import entry_of
from rescue_client.records import Entry
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import Unauthenticated, Unavailable
from rescue_protos.v1 import admin_pb2, admin_pb2_grpc

if TYPE_CHECKING:
    from rescue_client.channel import Metadata
    from rescue_protos.v1.admin_pb2_grpc import AdminServiceAsyncStub

_PAUSE = 0.5  # real seconds between two attempts to reach an absent server


@dataclass(frozen=True, slots=True, kw_only=True)
class TechnicianQueue:
    """One technician's queue as it is; `connected` if a console of his is."""

    technician: str
    group: str
    connected: bool
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All queues, by technician, as of a revision. `online` is False while the server is away."""

    revision: int
    queues: tuple[TechnicianQueue, ...]
    online: bool = True


class OverviewClient:
    """Watches all queues as an administrator."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @property
    def _stub(self) -> AdminServiceAsyncStub:
        return admin_pb2_grpc.AdminServiceStub(self._caller.channel)

    async def states(self) -> AsyncGenerator[Overview, None]:
        """Deliver all queues whenever one changed, across absences of the server; an async generator, so close it.

        Raises RescueError if this user may not watch.
        """
        known: dict[str, TechnicianQueue] = {}
        revision, online = 0, True

        def overview() -> Overview:
            return Overview(revision=revision, queues=tuple(known[name] for name in sorted(known)), online=online)

        while True:
            with contextlib.suppress(Unavailable):
                call, state = await self._caller.repeatedly(self._opened)
                known, online = {}, True
                try:
                    while state is not grpc.aio.EOF:
                        news = not known or bool(state.queues or state.removed)
                        known |= {queue.technician: _queue(queue) for queue in state.queues}
                        for name in state.removed:
                            known.pop(name, None)
                        revision = state.revision
                        if news:
                            yield overview()
                        state = await _next(call)
                except Unauthenticated:
                    continue  # it is signed in afresh; who may not any more hears of it there
                finally:
                    call.cancel()
            if online:
                online = False
                yield overview()
            await asyncio.sleep(_PAUSE)

    async def _opened(self, metadata: Metadata) -> tuple[Any, Any]:
        """Open the watch and take its first message: only then it is known to stand."""
        call = self._stub.WatchQueues(admin_pb2.WatchQueuesRequest(), metadata=metadata)
        return call, await call.read()


async def _next(call: Any) -> Any:
    try:
        return await call.read()
    except grpc.RpcError as error:
        raise from_rpc_error(error) from None


def _queue(message: admin_pb2.TechnicianQueue) -> TechnicianQueue:
    return TechnicianQueue(
        technician=message.technician,
        group=message.group,
        connected=message.connected,
        entries=tuple(entry_of(entry) for entry in message.entries),
    )
