"""A disk that fails to sync leaves it open whether a command is stored; the same request id finds out."""

from __future__ import annotations

import uuid

import grpc
import pytest

from rescue_common.state_directory import Access
from rescue_emulator import World
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import StorageUnavailable
from rescue_protos.v1 import access_pb2, access_pb2_grpc, console_pb2, console_pb2_grpc
from tests.torture.machine import Machine, failing_machine

COMMANDS = 20


async def create_pin(world: World, request_id: str) -> console_pb2.CreatePinResponse:
    """Create a PIN as alice, without the client library, which would try again by itself."""
    async with grpc.aio.insecure_channel(world.address) as channel:
        secret = Access.read(world.data).secrets["alice"]
        sign_in = access_pb2.SignInRequest(user="alice", secret=secret)
        token = (await access_pb2_grpc.AccessServiceStub(channel).SignIn(sign_in)).token
        try:
            return await console_pb2_grpc.ConsoleServiceStub(channel).CreatePin(
                console_pb2.CreatePinRequest(request_id=request_id), metadata=(("authorization", f"Bearer {token}"),)
            )
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None


async def refused(world: World, machine: Machine) -> list[str]:
    """Send commands while the disk fails, kill the server, and return their request ids."""
    ids = [str(uuid.UUID(int=number)) for number in range(COMMANDS)]
    with machine.failing_disk():
        for request_id in ids:
            with pytest.raises(StorageUnavailable, match="not known whether this is stored"):
                await create_pin(world, request_id)
        await world.kill_server()
    return ids


async def test_the_same_request_id_finds_out_what_became_of_it() -> None:
    with failing_machine() as machine:
        if not machine.can_fail:
            pytest.skip("there is no C compiler here; CI has one")
        async with World(data=machine.data) as world:
            alice = await world.technician("alice")
            ids = await refused(world, machine)
            await world.restart_server()
            await alice.sync()
            stored = {entry.session for entry in await alice.queue()}
            answers = [await create_pin(world, request_id) for request_id in ids]
            again = [await create_pin(world, request_id) for request_id in ids]
            queue = {entry.session for entry in await alice.queue()}
    assert [answer.session for answer in again] == [answer.session for answer in answers]
    assert len({answer.session for answer in answers}) == COMMANDS, "each has its effect once"
    assert queue == {answer.session for answer in answers}
    assert stored <= queue, "what the failing disk had kept is what its own request id answers"
