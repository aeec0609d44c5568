"""A console that stops reading: nobody else notices, the server keeps nothing for it, and it catches up afterwards.

With RESCUE_LONG=1 (`make torture`) the load goes on for a minute instead of until enough was said.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from datetime import timedelta
from pathlib import Path

import pytest

from rescue_client.channel import SignedInChannel, open_channel
from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_client.records import ChatReceived
from rescue_common.state_directory import Access
from rescue_emulator import World
from rescue_protos.v1 import console_pb2, console_pb2_grpc
from tests.torture.history import moment

LINE = "𝕏" * 1900  # four bytes each: what two connections could hold back must be exceeded soon
ENOUGH = 900  # lines
SECONDS = 60.0 if os.environ.get("RESCUE_LONG") else 0.0
SPEAKERS = 4


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World(options=("--limit", "unconfirmed-chat-lines=1000000")) as found:
        await found.restart_server("--paused", "--ring", "16")
        yield found


def resident(pid: int) -> int:
    """Bytes of memory that a process really has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.timeout(300)
async def test_a_console_that_stops_reading_holds_up_nobody_and_catches_up(world: World) -> None:
    stopped = await world.technician("alice")
    session, pin = await stopped.pin("Customer")
    await world.computer(pin=pin)
    await stopped.sees(session, "Waiting")
    await stopped.command("start", session)
    await stopped.sync()
    secret = Access.read(world.data).secrets["alice"]
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(
            Connection(world.address, user="alice", secret=secret, timeout=timedelta(seconds=60))
        )
        client = ConsoleClient(connection)
        heard: list[str] = []
        listening = asyncio.create_task(_listen(client, heard))
        stack.callback(listening.cancel)
        await client.wait_for_queue()
        await _open_a_watch_and_never_read(world, secret, stack)
        before = resident(world.server.pid)

        os.kill(stopped.program.pid, signal.SIGSTOP)
        try:
            said, longest = await _talk(client, session)
        finally:
            os.kill(stopped.program.pid, signal.SIGCONT)

        # The other console, of the same technician, has everything or has been listed anew; and it is up to date.
        await client.sync()
        assert heard[-1] == f"last {LINE}"
        # A watcher is a position in a ring: the lines that two readers did not take are nowhere in the server.
        grown = resident(world.server.pid) - before
        story = f"{grown / 2**20:.0f} MiB more after {said} lines, the longest wait {longest:.2f} s"
        print(story)
        assert grown < 48 * 2**20, story
        # The stopped one was never sent what it could not take: it is listed anew, and goes on from there.
        await stopped.sync()
        assert sum(event.get("event") == "snapshot-end" for event in stopped.program.events) > 1
        await client.hold(session)
        await stopped.sees(session, "On Hold")


async def _talk(client: ConsoleClient, session: str) -> tuple[int, float]:
    """Say more than could ever be on its way; return how many lines, and the longest that one had to wait."""
    until, waits = moment() + SECONDS, [0.0]

    async def speak() -> None:
        while len(waits) <= ENOUGH or moment() < until:
            began = moment()
            await client.chat(session, LINE)
            waits.append(moment() - began)

    await asyncio.gather(*(speak() for _ in range(SPEAKERS)))
    await client.chat(session, f"last {LINE}")
    return len(waits), max(waits)


async def _listen(client: ConsoleClient, heard: list[str]) -> None:
    async with aclosing(client.watch()) as updates:
        async for update in updates:
            if isinstance(update, ChatReceived):
                heard.append(update.text)


async def _open_a_watch_and_never_read(world: World, secret: str, stack: AsyncExitStack) -> None:
    channel = await stack.enter_async_context(open_channel(world.address))
    user = SignedInChannel(channel, user="alice", secret=secret)
    call = console_pb2_grpc.ConsoleServiceStub(channel).WatchQueue(
        console_pb2.WatchQueueRequest(console="never reads"), metadata=await user.metadata()
    )
    stack.callback(call.cancel)
    assert isinstance(await call.read(), console_pb2.WatchQueueResponse)
    assert not call.done()
