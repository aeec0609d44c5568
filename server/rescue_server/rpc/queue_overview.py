"""All queues side by side, for a supervisor: states, not each change.

A slow reader misses states in between and nothing else, so that no supervisor can hold up the server. Every change is
in the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import cast

from rescue_protos.v1 import admin_pb2 as pb
from rescue_server.core.organization import Organization
from rescue_server.rpc.queue_messages import technician_queue
from rescue_server.rpc.wire import field
from rescue_server.runtime.engine import Engine

BREATH = 0.1  # real seconds: a burst of events becomes one message
_LOOK = 15.0  # real seconds after which an idle overview says that it is still there

_QUEUES = pb.WatchQueuesResponse.QUEUES_FIELD_NUMBER
_Mark = tuple[Organization, bool, int]


async def overview(engine: Engine, *, until: asyncio.Event) -> AsyncGenerator[pb.WatchQueuesResponse, None]:
    """Yield all queues, then those that changed, until the event is set. An empty message is a sign of life."""
    sent: dict[str, _Mark] = {}
    news = engine.watch.subscribe()
    try:
        while not until.is_set():
            news.clear()
            organization = engine.published.organization
            marks = {name: _mark(engine, name) for name in organization.technicians}
            changed = [name for name in sorted(marks) if sent.get(name) != marks[name]]
            head = pb.WatchQueuesResponse(
                revision=engine.published.revision, removed=sorted(sent.keys() - marks.keys())
            ).SerializeToString()
            queues = [
                field(_QUEUES, await technician_queue(engine, name, organization.technicians[name])) for name in changed
            ]
            yield cast("pb.WatchQueuesResponse", head + b"".join(queues))
            sent = marks
            await asyncio.sleep(BREATH)
            with suppress(TimeoutError):
                await _first(news, until)
    finally:
        engine.watch.unsubscribe(news)


async def _first(*events: asyncio.Event) -> None:
    """Wait for one of several. Raises TimeoutError when it is time for a sign of life."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        async with asyncio.timeout(_LOOK):
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()


def _mark(engine: Engine, technician: str) -> _Mark:
    """Return a mark that differs if the queue must be sent again. Settings count, because they move due times."""
    watch = engine.watch
    return engine.published.organization, watch.connected(technician), watch.changed_at(technician)
