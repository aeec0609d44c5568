"""A console whose commands go by a stream, against a whole server in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from rescue_client import Connection, ConsoleClient
from rescue_client.command_stream import AT_ONCE
from rescue_client.records import PinCreated
from rescue_protos.errors import CommandNotAllowed, InvalidArgument, NotFound, RescueError, Unavailable
from rescue_protos.v1 import console_pb2 as pb
from rescue_server.rpc import command_stream
from rescue_server.rpc.call_context import CallContext
from rescue_server.runtime.credentials import TOKEN_LIFE
from tests.security.conftest import House, opened


@asynccontextmanager
async def console_of(house: House, *, timeout: timedelta = timedelta(seconds=20)) -> AsyncIterator[ConsoleClient]:
    async with Connection(house.address, user="alice", secret=house.secrets["alice"], timeout=timeout) as connection:
        yield ConsoleClient(connection)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path / "state") as house:
        yield house


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many commands came by each stream that was opened."""
    counts: list[int] = []
    serve, answer = command_stream.CommandStreams.serve, command_stream._CommandStream._answer

    async def serving(self: command_stream.CommandStreams, context: CallContext) -> None:
        counts.append(0)
        await serve(self, context)

    async def answering(self: command_stream._CommandStream, command: pb.Command) -> pb.CommandAnswer:
        counts[-1] += 1
        return await answer(self, command)

    monkeypatch.setattr(command_stream.CommandStreams, "serve", serving)
    monkeypatch.setattr(command_stream._CommandStream, "_answer", answering)
    return counts


async def pins(console: ConsoleClient, count: int) -> list[PinCreated]:
    return await asyncio.gather(*(console.create_pin(f"customer {number}") for number in range(count)))


async def customers(console: ConsoleClient) -> list[str]:
    return sorted(entry.customer for entry in (await console.queue()).entries)


async def test_many_commands_go_by_one_stream_and_all_else_by_calls(house: House, streams: list[int]) -> None:
    async with console_of(house) as console, console.by_stream() as quick:
        made = await pins(quick, 3 * AT_ONCE)
        assert len({one.session for one in made}) == 3 * AT_ONCE
        assert {one.valid_for for one in made} == {timedelta(minutes=20)}
        assert await customers(quick) == sorted(f"customer {number}" for number in range(3 * AT_ONCE))
        assert streams == [3 * AT_ONCE]
        await console.create_pin()
        assert streams == [3 * AT_ONCE]


async def test_a_refusal_is_the_error_that_a_call_raises(house: House) -> None:
    async with console_of(house) as console, console.by_stream() as quick:
        session = (await quick.create_pin("Jan")).session
        acts: list[tuple[type[RescueError], Callable[[ConsoleClient], Awaitable[object]]]] = [
            (CommandNotAllowed, lambda it: it.hold(session)),
            (NotFound, lambda it: it.start("999999")),
            (InvalidArgument, lambda it: it.create_pin("x" * 10_000)),
        ]
        for kind, act in acts:
            said = []
            for one in (quick, console):
                with pytest.raises(kind) as refusal:
                    await act(one)
                said.append((str(refusal.value), refusal.value.reason, refusal.value.allowed, refusal.value.metadata))
            assert said[0] == said[1]
        assert (await quick.end(session)).revision > 0


async def test_a_token_that_expires_ends_no_command(house: House, streams: list[int]) -> None:
    async with console_of(house) as console, console.by_stream() as quick:
        await pins(quick, 3)
        house.now += TOKEN_LIFE + 1
        await pins(quick, 3)
        await pins(quick, 3)
        assert len(streams) == 2
        assert len(await customers(console)) == 9


async def test_what_is_under_way_at_the_end_of_the_block_goes_on_as_calls(house: House) -> None:
    async with console_of(house) as console:
        async with console.by_stream() as quick:
            await quick.create_pin("first")
            giving = asyncio.create_task(pins(quick, 2 * AT_ONCE))
            await asyncio.sleep(0)
        made = await giving
        assert len({one.session for one in made}) == 2 * AT_ONCE
        assert len(await customers(console)) == 2 * AT_ONCE + 1


async def test_a_connection_that_is_closed_leaves_no_command_waiting(house: House) -> None:
    async with console_of(house) as console, console.by_stream() as quick:
        await quick.create_pin("first")
        giving = [asyncio.create_task(quick.create_pin()) for _ in range(3)]
        await asyncio.sleep(0)
        await console.connection.close()
        for one in await asyncio.gather(*giving, return_exceptions=True):
            assert isinstance(one, Unavailable)


async def test_a_server_that_stays_away_is_told_after_the_timeout(tmp_path: Path) -> None:
    async with opened(tmp_path / "state") as house:
        connection = Connection(
            house.address, user="alice", secret=house.secrets["alice"], timeout=timedelta(seconds=0.3)
        )
        quick = ConsoleClient(connection).by_stream()
        console = await quick.__aenter__()
        await console.create_pin()
    for one in await asyncio.gather(*(console.create_pin() for _ in range(3)), return_exceptions=True):
        assert isinstance(one, Unavailable)
    await quick.__aexit__(None, None, None)
    await connection.close()
