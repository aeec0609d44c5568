"""A disk that fails in the middle of a commit: what was refused may be there after kill -9, and nobody denies it."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from rescue_client import Connection
from rescue_client.channel import Metadata, SignedInChannel
from rescue_emulator import World
from rescue_protos.errors import StorageUnavailable
from rescue_protos.v1 import console_pb2 as pb
from rescue_protos.v1 import console_pb2_grpc
from tests.machine_needs import not_to_be_had
from tests.torture.machine import failing_machine

SHORT = timedelta(seconds=0.3)


async def create_pin(connection: Connection, request_id: str) -> pb.CreatePinResponse:
    async def call(channel: SignedInChannel, metadata: Metadata) -> pb.CreatePinResponse:
        stub = channel.stub(console_pb2_grpc.ConsoleServiceStub)
        return await stub.CreatePin(pb.CreatePinRequest(request_id=request_id, customer=request_id), metadata=metadata)

    return await connection.call_idempotent(call)


async def test_the_same_request_id_finds_out_whether_it_was_stored() -> None:
    with failing_machine() as machine:
        if not machine.can_fail:
            not_to_be_had("a disk that fails needs a C compiler")
        async with World(data=machine.data) as world:
            await world.technician("alice")
            asked = [str(uuid.uuid4()) for _ in range(5)]
            async with Connection.find(user="alice", data=world.data, timeout=SHORT) as hasty:
                with machine.failing_disk():
                    for request_id in asked:
                        with pytest.raises(StorageUnavailable, match="not known") as refused:
                            await create_pin(hasty, request_id)
                        assert refused.value.reason == "OUTCOME_UNKNOWN"
                        assert "nothing changed" not in str(refused.value)
                    await world.kill_server()
                await world.restart_server()
            async with Connection.find(user="alice", data=world.data) as connection:
                first = [(await create_pin(connection, request_id)).session for request_id in asked]
                again = [(await create_pin(connection, request_id)).session for request_id in asked]

                async def call(channel: SignedInChannel, metadata: Metadata) -> pb.ListQueueResponse:
                    stub = channel.stub(console_pb2_grpc.ConsoleServiceStub)
                    return await stub.ListQueue(pb.ListQueueRequest(), metadata=metadata)

                queue = await connection.call_idempotent(call)
            assert first == again
            assert sorted(entry.customer for entry in queue.entries) == sorted(asked), "each of them exactly once"
