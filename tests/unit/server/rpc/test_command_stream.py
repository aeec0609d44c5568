"""One command stream without gRPC: how much is under way, who waits for whom, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any, cast

import grpc
import pytest

from rescue_protos.errors import ShuttingDown
from rescue_protos.v1 import console_pb2 as pb
from rescue_server.rpc.call_context import CallContext
from rescue_server.rpc.command_stream import SERVICE, CommandStreams

MOST = 4


class Commands:
    """A service whose commands end when they are let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.cancelled = 0
        self.go = asyncio.Event()
        for method in SERVICE.methods:
            setattr(self, method.name, self._perform)

    async def _perform(self, request: Any, context: CallContext) -> pb.EndSessionResponse:
        self.begun.append(request.session)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if request.session == "broken":
            raise RuntimeError("a wrapper failed")
        return pb.EndSessionResponse(revision=int(request.session))


class Client:
    """The client's side: what it sends, and what it has read while it reads."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[Any] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()
        self.read_messages: list[list[int]] = []
        self.writing = False
        self.reads_of_server = 0

    def send(self, *sessions: str) -> None:
        commands = [pb.Command(end_session=pb.EndSessionRequest(session=session)) for session in sessions]
        self.sent.put_nowait(pb.SendCommandsRequest(commands=commands))

    async def read(self) -> Any:
        self.reads_of_server += 1
        return await self.sent.get()

    async def write(self, message: pb.SendCommandsResponse) -> None:
        assert not self.writing, "gRPC refuses two writes at once"
        self.writing = True
        try:
            await self.reads.wait()
        finally:
            self.writing = False
        self.read_messages.append([answer.end_session.revision for answer in message.answers])


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(500):
        await asyncio.sleep(0)


@asynccontextmanager
async def streaming(commands: Commands, client: Client) -> AsyncIterator[tuple[CommandStreams, asyncio.Task[None]]]:
    streams = CommandStreams(commands, (), most_under_way=MOST)
    serving = asyncio.create_task(streams.serve(cast("CallContext", client)))
    yield streams, serving
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_no_more_commands_are_under_way_than_the_limit_says() -> None:
    commands, client = Commands(), Client()
    async with streaming(commands, client):
        client.send(*map(str, range(1, 11)))
        client.send("11")
        await settled()
        assert commands.begun == ["1", "2", "3", "4"]
        assert client.reads_of_server == 1
        commands.go.set()
        await settled()
    assert sorted(chain(*client.read_messages)) == list(range(1, 12))


async def test_who_does_not_read_answers_gets_no_more_commands_done() -> None:
    commands, client = Commands(), Client()
    client.reads.clear()
    commands.go.set()
    async with streaming(commands, client):
        client.send(*map(str, range(1, 101)))
        await settled()
        assert len(commands.begun) == MOST
        client.reads.set()
        await settled()
        assert len(commands.begun) == 100
    assert sorted(chain(*client.read_messages)) == list(range(1, 101))


async def test_answers_that_wait_for_the_client_go_in_one_message() -> None:
    commands, client = Commands(), Client()
    commands.go.set()
    async with streaming(commands, client):
        client.send("1", "2", "3")
        await settled()
    assert client.read_messages == [[1, 2, 3]]


async def test_the_end_of_the_commands_is_not_the_end_of_their_answers() -> None:
    commands, client = Commands(), Client()
    async with streaming(commands, client) as (_, serving):
        client.send("1", "2")
        client.sent.put_nowait(grpc.aio.EOF)
        await settled()
        assert not serving.done()
        commands.go.set()
        await serving
    assert client.read_messages == [[1, 2]]


async def test_a_server_that_stops_answers_what_it_has_begun() -> None:
    commands, client = Commands(), Client()
    async with streaming(commands, client) as (streams, serving):
        client.send("1", "2", "3", "4", "5")
        await settled()
        streams.drain()
        await settled()
        assert not serving.done()
        commands.go.set()
        with pytest.raises(ShuttingDown):
            await serving
    assert client.read_messages == [[1, 2, 3, 4]]


async def test_what_fails_without_an_answer_ends_the_stream() -> None:
    commands, client = Commands(), Client()
    async with streaming(commands, client) as (_, serving):
        client.send("broken")
        await settled()
        commands.go.set()
        with pytest.raises(RuntimeError, match="a wrapper failed"):
            await serving


async def test_a_client_that_is_gone_leaves_no_task_behind() -> None:
    commands, client = Commands(), Client()
    async with streaming(commands, client) as (_, serving):
        client.send("1", "2", "3")
        await settled()
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        await settled()
    assert commands.cancelled == 3
