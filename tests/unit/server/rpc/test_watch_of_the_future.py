"""A console that resumes after a revision that this server has not got yet: another server was ahead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from rescue_protos.errors import ReplicaBehind
from rescue_protos.v1 import console_pb2 as pb
from rescue_server.clock import ServerClock
from rescue_server.core import organization
from rescue_server.rpc import console_service, guard
from rescue_server.rpc.console_service import ConsoleService
from rescue_server.runtime import command_handlers
from rescue_server.runtime.credentials import Principal
from rescue_server.runtime.engine import Engine, Outcome, live_engine
from rescue_server.runtime.presence import Presence
from rescue_server.runtime.refused_commands import RefusedCommands
from rescue_server.runtime.state import AnyEvent
from rescue_server.store.memory import MemoryStore

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    engine = live_engine(MemoryStore(), ServerClock(start=NOON, monotonic=lambda: 0.0))
    running = asyncio.ensure_future(engine.run())
    founding: list[AnyEvent] = [
        organization.GroupAdded(at=NOON, name="Support"),
        organization.TechnicianAdded(at=NOON, name="alice", group="Support"),
    ]
    await engine.perform(lambda desk, context: Outcome(events=founding))
    yield engine
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await engine.close()


async def create_pin(engine: Engine) -> int:
    pin = f"{engine.published.last_session:06}"
    return (await engine.perform(command_handlers.create_pin("alice", "", lambda: pin))).revision


def watch(engine: Engine, *, after: int, history: str | None = None) -> Any:
    async def tell(technician: str, in_focus: bool) -> None:
        """Nobody asks who is in focus."""

    guard._caller.set(Principal(name="alice", administrator=False))
    request = pb.WatchQueueRequest(
        after_revision=after, history=engine.history if history is None else history, console="c"
    )
    written: asyncio.Queue[Any] = asyncio.Queue()
    local: Any = SimpleNamespace(peer=lambda: "unix:", write=written.put)
    return _messages(ConsoleService(engine, Presence(tell), RefusedCommands()).WatchQueue(request, local), written)


async def _messages(watching: Coroutine[Any, Any, None], written: asyncio.Queue[Any]) -> AsyncIterator[Any]:
    """Yield what the watch writes. Raises what ends it."""
    running = asyncio.ensure_future(watching)
    try:
        while True:
            found = asyncio.ensure_future(written.get())
            await asyncio.wait({running, found}, return_when=asyncio.FIRST_COMPLETED)
            if not found.done():
                found.cancel()
                await running
            yield found.result()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_it_waits_until_the_server_has_got_there_and_goes_on_without_a_gap(engine: Engine) -> None:
    seen = engine.published.revision + 2
    async with aclosing(watch(engine, after=seen)) as messages:
        first = asyncio.ensure_future(anext(messages))
        await create_pin(engine)
        assert not first.done()
        assert await create_pin(engine) == seen
        assert (await asyncio.wait_for(first, 5)).bookmark.revision == seen
        following = await create_pin(engine)
        # A delta is serialized once for all consoles.
        message = pb.WatchQueueResponse.FromString(await asyncio.wait_for(anext(messages), 5))
        assert message.delta.revision == following


async def test_it_is_never_shown_an_older_state(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_service, "BEHIND_AT_MOST", 0.05)
    reached = engine.published.revision
    async with aclosing(watch(engine, after=reached + 1)) as messages:
        with pytest.raises(ReplicaBehind) as behind:
            await anext(messages)
    assert behind.value.metadata == {"revision": str(reached + 1), "reached": str(reached)}
    assert not engine.watch.watchers, "it does not count as a console that watches"


async def test_a_revision_of_another_history_is_not_waited_for(engine: Engine) -> None:
    async with aclosing(watch(engine, after=10**9, history="another")) as messages:
        first = await asyncio.wait_for(anext(messages), 5)
        assert first.HasField("compacted")
