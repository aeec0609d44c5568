"""A disk that takes no more while the server runs: commands are refused, reading goes on, timers wait; then it is over.

`RLIMIT_FSIZE` is laid upon the running server from outside, so it is the kernel that refuses; where mounting is
allowed, the disk is really full.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rescue_client.clock import ClockClient
from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_client.records import Bookmark, PinCreated, Status
from rescue_common.state_directory import Access
from rescue_emulator import World
from rescue_protos.errors import RescueError, ResourceExhausted, Unavailable
from rescue_server.store import STORE_FILE, SqliteStore

NO_TIME = timedelta(0)


def secret_of(world: World, user: str) -> str:
    return Access.read(world.data).secrets[user]


@asynccontextmanager
async def console(world: World, *, timeout: float) -> AsyncIterator[ConsoleClient]:
    limit = timedelta(seconds=timeout)
    async with Connection(world.address, user="alice", secret=secret_of(world, "alice"), timeout=limit) as connection:
        yield ConsoleClient(connection, in_focus=False)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - another process has no event to wait for
            await asyncio.sleep(0.05)


async def is_past(clock: ClockClient, moment: datetime) -> bool:
    return (await clock.show()).now > moment


async def is_gone(client: ConsoleClient, session: str) -> bool:
    return await status_of(client, session) is None


@contextmanager
def no_room(pid: int) -> Iterator[None]:
    """Let the kernel refuse every write of that process to a file."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


async def status_of(client: ConsoleClient, session: str) -> Status | None:
    return next((entry.status for entry in (await client.queue()).entries if entry.session == session), None)


async def watching(client: ConsoleClient) -> None:
    async with aclosing(client.watch()) as updates:
        async for update in updates:
            assert isinstance(update, Bookmark) or update


async def test_what_cannot_be_written_is_refused_and_waits(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with World(speed=30, data=data) as world:
        await world.set("group:Support", connecting_timeout="1m")
        async with console(world, timeout=0.5) as hasty, console(world, timeout=60) as patient:
            watch = asyncio.create_task(watching(patient))
            await patient.wait_for_queue()
            clock = ClockClient(
                Connection(world.address, user="admin", secret=secret_of(world, "admin"), timeout=NO_TIME)
            )
            made = await patient.create_pin("first")
            due = next(entry.due_at for entry in (await patient.queue()).entries if entry.session == made.session)
            assert due is not None
            with no_room(world.server.pid):
                with pytest.raises(Unavailable) as refused:
                    await hasty.create_pin("refused")
                assert refused.value.reason == "OUTCOME_UNKNOWN"
                for change in (clock.pause, clock.advance):
                    with pytest.raises(RescueError, match="could not be stored"):
                        await change(*([timedelta(hours=1)] if change == clock.advance else []))
                waiting = asyncio.create_task(patient.create_pin("waits"))
                await until(lambda: is_past(clock, due))
                # Reading goes on; what is due is not shown, because it is not stored.
                assert await status_of(hasty, made.session) is Status.CONNECTING
                await patient.sync()
                assert not waiting.done()
            later = await waiting
            assert isinstance(later, PinCreated)
            await until(lambda: is_gone(hasty, made.session))
            assert world.server.status is None
            watch.cancel()
        assert await world.stop_server() == 0
    with closing(SqliteStore.open(data / STORE_FILE)) as store:
        bodies = [event.body for event in store.read()]
    assert [sum(name in body for body in bodies) for name in (b'"first"', b'"refused"', b'"waits"')] == [1, 0, 1]


def fill_up(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


async def test_a_full_disk_is_named_and_over_as_soon_as_there_is_room(small_disk: Path) -> None:
    async with World(data=small_disk / "data") as world, console(world, timeout=0.5) as client:
        await client.create_pin("first")
        filler = small_disk / "filler"
        with pytest.raises(OSError, match="No space"):
            fill_up(filler)
        refused = None
        for _ in range(2000):  # the log has room of its own for a while
            try:
                await client.create_pin("more")
            except ResourceExhausted as error:
                refused = error
                break
            for entry in (await client.queue()).entries:
                if entry.customer == "more":
                    await client.end(entry.session)
        assert refused is not None
        assert refused.reason == "STORE_FULL"
        before = await client.queue()
        filler.unlink()
        assert (await client.create_pin("again")).revision == before.revision + 1
        assert world.server.status is None
