"""A whole queue for the wire, made in portions: between two of them others have their turn.

A queue of 20,000 entries takes half a second. What it shows is of one moment all the same: sessions never change, they
are replaced, so the portions are made of the sessions of that moment.
"""

from __future__ import annotations

import asyncio
from typing import cast

from rescue_protos.v1 import admin_pb2, common_pb2, console_pb2
from rescue_server.core.queue import entry_of
from rescue_server.rpc import translate
from rescue_server.rpc.wire import field
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.state import EngineState

PORTION = 40  # entries: somebody else's call waits for some six of them


async def snapshot(engine: Engine, technician: str) -> tuple[int, console_pb2.WatchQueueResponse]:
    """Return the revision of now, and the message of a watch that has the queue, as `listing`."""
    revision, now = engine.published.revision, translate.timestamp(engine.clock.now())
    head = console_pb2.QueueSnapshot(revision=revision, at=now, history=engine.history).SerializeToString()
    entries = await _entries(engine.published, technician, console_pb2.QueueSnapshot.ENTRIES_FIELD_NUMBER)
    message = field(console_pb2.WatchQueueResponse.SNAPSHOT_FIELD_NUMBER, head + entries)
    return revision, cast("console_pb2.WatchQueueResponse", message)


async def listing(engine: Engine, technician: str) -> console_pb2.ListQueueResponse:
    """Return the queue of now, as the bytes of the message: the guard lets them pass in place of it."""
    head = console_pb2.ListQueueResponse(revision=engine.published.revision).SerializeToString()
    entries = await _entries(engine.published, technician, console_pb2.ListQueueResponse.ENTRIES_FIELD_NUMBER)
    return cast("console_pb2.ListQueueResponse", head + entries)


async def technician_queue(engine: Engine, technician: str, group: str) -> bytes:
    """Return a `TechnicianQueue` of now, serialized."""
    connected = engine.watch.connected(technician)
    head = admin_pb2.TechnicianQueue(technician=technician, group=group, connected=connected).SerializeToString()
    return head + await _entries(engine.published, technician, admin_pb2.TechnicianQueue.ENTRIES_FIELD_NUMBER)


async def _entries(state: EngineState, technician: str, number: int) -> bytes:
    """Return the entries of now, each as this field of a message."""
    organization = state.organization
    parts: list[bytes] = []
    for session in state.queue_of(technician):
        entry: common_pb2.QueueEntry = translate.entry(entry_of(session, technician, organization))
        parts.append(field(number, entry.SerializeToString()))
        if len(parts) % PORTION == 0:
            await asyncio.sleep(0)
    return b"".join(parts)
