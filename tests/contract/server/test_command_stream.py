"""Commands that come by a stream: each does, answers and fails as its own call, and the stream outlives them all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from rescue_client.channel import Metadata
from rescue_protos.error_details import DETAILS_KEY
from rescue_protos.errors import ShuttingDown
from rescue_protos.v1 import (
    admin_pb2,
    admin_pb2_grpc,
    applet_pb2,
    fault_pb2,
    fault_pb2_grpc,
    journal_pb2,
    journal_pb2_grpc,
)
from rescue_protos.v1 import console_pb2 as pb
from tests.security.conftest import House, fresh_id, opened, received, refused

KINDS = {
    field.name: field.message_type.name
    for field in pb.Command.DESCRIPTOR.oneofs_by_name["command"].fields
    if field.message_type is not None
}
ANSWERS = {field.name for field in pb.CommandAnswer.DESCRIPTOR.oneofs_by_name["answer"].fields}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path / "state") as house:
        yield house


class Stream:
    """One stream of a technician. Answers are kept by the number of their command."""

    def __init__(self, house: House, metadata: Metadata) -> None:
        self.call = house.console.SendCommands(metadata=metadata)
        self.answers: dict[int, pb.CommandAnswer] = {}
        self._last = 0

    def command(self, kind: str, request: Any) -> pb.Command:
        self._last += 1
        return pb.Command(number=self._last, **{kind: request})

    async def send(self, *commands: pb.Command) -> None:
        await self.call.write(pb.SendCommandsRequest(commands=commands))

    async def until(self, number: int) -> pb.CommandAnswer:
        async with asyncio.timeout(20):
            while number not in self.answers:
                for answer in (await received(self.call)).answers:
                    assert answer.number not in self.answers
                    self.answers[answer.number] = answer
        return self.answers[number]

    async def perform(self, kind: str, request: Any) -> pb.CommandAnswer:
        command = self.command(kind, request)
        await self.send(command)
        return await self.until(command.number)


async def called(house: House, kind: str, request: Any, metadata: Metadata) -> Any:
    """The reply of the command's own call, or the details of its error."""
    method = getattr(house.console, KINDS[kind].removesuffix("Request"))
    try:
        return await method(request, metadata=metadata, timeout=20)
    except grpc.aio.AioRpcError as error:
        return dict(error.trailing_metadata() or ())[DETAILS_KEY]


def said(answer: pb.CommandAnswer) -> Any:
    return getattr(answer, answer.WhichOneof("answer") or "")


def request_for(kind: str, session: str) -> Any:
    request = getattr(pb, KINDS[kind])(request_id=fresh_id())
    if kind != "create_pin":
        request.session = session
    if "text" in request.DESCRIPTOR.fields_by_name:
        request.text = "hello"
    if "technician" in request.DESCRIPTOR.fields_by_name:
        request.technician = "bob"
    if "process" in request.DESCRIPTOR.fields_by_name:
        request.process = 1
    return request


@contextlib.asynccontextmanager
async def attached(house: House, metadata: Metadata) -> AsyncIterator[str]:
    """A session whose applet is there."""
    joined = await house.redeem((await house.new_pin(metadata)).pin)
    call = house.applet.Attach()
    hello = applet_pb2.Hello(session=joined.session, ticket=joined.ticket, instance="i", attempt=1)
    await call.write(applet_pb2.AttachRequest(hello=hello))
    assert (await received(call)).HasField("attached")
    yield joined.session
    call.cancel()


def test_a_stream_has_every_command_that_has_a_request_id() -> None:
    service = pb.DESCRIPTOR.services_by_name["ConsoleService"]
    commands = {m.input_type.name for m in service.methods if "request_id" in m.input_type.fields_by_name}
    assert set(KINDS.values()) == commands
    assert {"error", *KINDS} == ANSWERS


@pytest.mark.parametrize("stream_first", [True, False])
async def test_a_command_and_its_call_give_the_same(house: House, stream_first: bool) -> None:
    alice = await house.signed_in("alice")
    async with attached(house, alice) as session:
        stream = Stream(house, alice)
        happened = []
        last = ["hold_session", "transfer_session"]  # they would have the others refused
        for kind in [*(kind for kind in KINDS if kind not in last), *last]:
            request = request_for(kind, session)
            if stream_first:
                by_stream = await stream.perform(kind, request)
                by_call = await called(house, kind, request, alice)
            else:
                by_call = await called(house, kind, request, alice)
                by_stream = await stream.perform(kind, request)
            assert by_stream.WhichOneof("answer") in (kind, "error")
            assert said(by_stream) == by_call, kind
            happened += [kind] * (by_stream.WhichOneof("answer") == kind)
        await stream.call.done_writing()
        assert await stream.call.read() is grpc.aio.EOF
    done = {"create_pin", "start_session", "send_chat", "add_note", "open_process", "close_process", "end_session"}
    assert done <= set(happened)


async def test_bad_commands_fail_alone(house: House) -> None:
    alice = await house.signed_in("alice")
    stream = Stream(house, alice)
    for kind in KINDS:
        unknown = request_for(kind, "999999")
        no_id = request_for(kind, "999999")
        no_id.request_id = ""
        for request in (unknown, no_id):
            if (kind, request) != ("create_pin", unknown):
                assert said(await stream.perform(kind, request)) == await called(house, kind, request, alice)
    nothing = pb.Command(number=10_000)
    await stream.send(nothing)
    assert (await stream.until(10_000)).error
    assert (await stream.perform("create_pin", request_for("create_pin", ""))).HasField("create_pin")


async def test_commands_and_answers_that_are_there_together_go_together(house: House) -> None:
    stream = Stream(house, await house.signed_in("alice"))
    commands = [stream.command("create_pin", request_for("create_pin", "")) for _ in range(100)]
    await stream.send(*commands)
    messages = 0
    while len(stream.answers) < len(commands):
        messages += 1
        stream.answers |= {answer.number: answer for answer in (await received(stream.call)).answers}
    assert {answer.create_pin.session for answer in stream.answers.values()} == {str(n) for n in range(1001, 1101)}
    assert messages < 50


async def test_the_same_request_twice_under_way_is_done_once(house: House) -> None:
    stream = Stream(house, await house.signed_in("alice"))
    request = request_for("create_pin", "")
    await stream.send(*(stream.command("create_pin", request) for _ in range(10)))
    sessions = {(await stream.until(number)).create_pin.session for number in range(1, 11)}
    assert len(sessions) == 1


async def test_fault_rules_and_followers_of_refusals_see_each_command(house: House) -> None:
    alice, admin = await house.signed_in("alice"), await house.signed_in("admin")
    faults = fault_pb2_grpc.FaultServiceStub(house.channel)
    await faults.AddFault(fault_pb2.AddFaultRequest(text="fail next CreatePin with UNAVAILABLE"), metadata=admin)
    following = journal_pb2_grpc.JournalServiceStub(house.channel).WatchRefusedCommands(
        journal_pb2.WatchRefusedCommandsRequest(), metadata=admin
    )
    assert list((await received(following)).commands) == []
    stream = Stream(house, alice)
    request = request_for("create_pin", "")
    assert (await stream.perform("create_pin", request)).error
    assert (await stream.perform("create_pin", request)).create_pin.pin
    await stream.perform("hold_session", request_for("hold_session", "999999"))
    (seen,) = (await received(following)).commands
    assert (seen.technician, seen.session, seen.method) == ("alice", "999999", "HoldSession")
    following.cancel()


async def test_a_renewed_secret_ends_the_stream_before_anything_else_is_done(house: House) -> None:
    alice, admin = await house.signed_in("alice"), await house.signed_in("admin")
    stream = Stream(house, alice)
    assert (await stream.perform("create_pin", request_for("create_pin", ""))).create_pin.pin
    renew = admin_pb2.RenewSecretRequest(request_id=fresh_id(), user="alice")
    await admin_pb2_grpc.AdminServiceStub(house.channel).RenewSecret(renew, metadata=admin)
    async with refused("UNAUTHENTICATED", "TOKEN_EXPIRED"):
        await stream.perform("create_pin", request_for("create_pin", ""))
    queue = await house.console.ListQueue(pb.ListQueueRequest(), metadata=await house.signed_in("alice"))
    assert len(queue.entries) == 1


async def test_an_administrator_has_no_command_stream(house: House) -> None:
    stream = Stream(house, await house.signed_in("admin"))
    async with refused("PERMISSION_DENIED"):
        await stream.until(1)


async def test_a_stopping_server_answers_what_it_has_begun_and_says_that_it_stops(tmp_path: Path) -> None:
    async with opened(tmp_path / "state") as house:
        alice, house.channel = await house.signed_in("alice"), grpc.aio.insecure_channel(house.address)
        stream = Stream(house, alice)  # on a channel that outlives the server
        assert (await stream.perform("create_pin", request_for("create_pin", ""))).create_pin.pin
    async with refused(ShuttingDown.code, ShuttingDown.reason):
        await stream.call.read()
    await house.channel.close()
