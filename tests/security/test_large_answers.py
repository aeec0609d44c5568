"""A queue is told in one message, however long it is: clients trust their server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from rescue_client.channel import open_channel
from rescue_protos.v1 import common_pb2, console_pb2, console_pb2_grpc

SESSIONS = 20_000  # as many as a channel may have open


class LongQueue(console_pb2_grpc.ConsoleServiceServicer):  # its other methods answer UNIMPLEMENTED
    async def WatchQueue(self, request: Any, context: Any) -> AsyncIterator[console_pb2.WatchQueueResponse]:
        yield console_pb2.WatchQueueResponse(snapshot=console_pb2.QueueSnapshot(revision=1, entries=entries()))


def entries() -> list[common_pb2.QueueEntry]:
    people = [common_pb2.Participant(technician=f"technician {n}", status=common_pb2.STATUS_WAITING) for n in range(20)]
    return [common_pb2.QueueEntry(session=str(n), customer="Customer", participants=people) for n in range(SESSIONS)]


@pytest.fixture
async def address() -> AsyncIterator[str]:
    server = grpc.aio.server()
    console_pb2_grpc.add_ConsoleServiceServicer_to_server(LongQueue(), server)  # type: ignore[abstract]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


async def test_the_longest_queue_arrives(address: str) -> None:
    """Found: gRPC takes four megabytes by itself, and a console of a busy channel was never told its queue."""
    async with open_channel(address) as channel:
        call = console_pb2_grpc.ConsoleServiceStub(channel).WatchQueue(console_pb2.WatchQueueRequest(), timeout=60)
        told = await call.read()
        assert isinstance(told, console_pb2.WatchQueueResponse)
        assert told.ByteSize() > 4 * 2**20
        assert len(told.snapshot.entries) == SESSIONS
        call.cancel()
