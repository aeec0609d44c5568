"""All queues side by side, as a supervising client sees them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import grpc

from rescue_console.records import Entry
from rescue_console.wire import entry_of
from rescue_emulator.calling import Caller
from rescue_protos.codes import CallError, NotSignedIn, Unavailable
from rescue_protos.v1 import admin_pb2, admin_pb2_grpc

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
        self._stub = admin_pb2_grpc.AdminServiceStub(caller.channel)

    async def states(self) -> AsyncGenerator[Overview, None]:
        """Deliver all queues whenever one changed, across absences of the server; an async generator, so close it.

        Raises CallError if this user may not watch.
        """
        known: dict[str, TechnicianQueue] = {}
        revision, lost = 0, False
        while True:
            try:
                call = self._stub.WatchQueues(
                    admin_pb2.WatchQueuesRequest(), metadata=await self._caller.metadata(), wait_for_ready=False
                )
                try:
                    fresh = True
                    async for state in call:
                        known = {} if fresh else known
                        quiet = not (state.queues or state.removed or fresh or lost)
                        fresh = lost = False
                        for queue in state.queues:
                            known[queue.technician] = _queue(queue)
                        for name in state.removed:
                            known.pop(name, None)
                        revision = state.revision
                        if not quiet:
                            yield Overview(revision=revision, queues=tuple(known[name] for name in sorted(known)))
                except grpc.RpcError as error:
                    raise CallError.from_rpc(error) from None
                finally:
                    call.cancel()
            except NotSignedIn:
                if lost:  # a fresh token was refused as well
                    raise
                self._caller.forget_token()
                lost = True
                continue
            except Unavailable:
                pass
            if not lost:
                lost = True
                yield Overview(revision=revision, queues=tuple(known[name] for name in sorted(known)), online=False)
            await asyncio.sleep(_PAUSE)


def _queue(message: admin_pb2.TechnicianQueue) -> TechnicianQueue:
    return TechnicianQueue(
        technician=message.technician,
        group=message.group,
        connected=message.connected,
        entries=tuple(entry_of(entry) for entry in message.entries),
    )
