"""A long queue is made in portions, and is of one moment all the same."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from rescue_protos.v1 import console_pb2 as pb
from rescue_server.clock import ServerClock
from rescue_server.core import decide, organization
from rescue_server.core.queue import entry_of
from rescue_server.rpc import queue_messages, translate
from rescue_server.runtime.engine import Engine, live_engine
from rescue_server.store.memory import MemoryStore

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
SESSIONS = 4 * queue_messages.PORTION + 7


@pytest.fixture
async def engine() -> Engine:
    engine = live_engine(MemoryStore(), ServerClock(start=NOON, monotonic=lambda: 0.0))
    state = engine.published
    for founding in (
        organization.GroupAdded(at=NOON, name="Night"),
        organization.TechnicianAdded(at=NOON, name="erin", group="Night"),
        organization.TechnicianAdded(at=NOON, name="dave", group="Night"),
    ):
        state.apply(founding)
    for number in range(SESSIONS):
        create_pin(engine, number, "erin")
    return engine


def create_pin(engine: Engine, number: int, technician: str) -> None:
    state = engine.published
    context = decide.Context(now=NOON, organization=state.organization, in_focus=frozenset())
    for event in decide.create_pin(
        session=str(1001 + number), technician=technician, pin=f"{number:06}", customer="", context=context
    ):
        state.apply(event)


def queue(engine: Engine) -> pb.QueueSnapshot:
    state = engine.published
    entries = [translate.entry(entry_of(session, "erin", state.organization)) for session in state.queue_of("erin")]
    return pb.QueueSnapshot(
        revision=state.revision, at=translate.timestamp(NOON), entries=entries, history=engine.history
    )


async def test_the_bytes_are_those_of_the_message(engine: Engine) -> None:
    expected = queue(engine)
    revision, message = await queue_messages.snapshot(engine, "erin")
    as_bytes: Any = message
    assert revision == engine.published.revision
    assert pb.WatchQueueResponse.FromString(as_bytes).snapshot == expected
    listed: Any = await queue_messages.listing(engine, "erin")
    listing = pb.ListQueueResponse(revision=revision, entries=expected.entries)
    assert pb.ListQueueResponse.FromString(listed) == listing


async def test_others_have_their_turn_while_a_long_queue_is_made_and_it_shows_nothing_of_what_they_do(
    engine: Engine,
) -> None:
    expected, turns = queue(engine), 0
    making = asyncio.create_task(queue_messages.snapshot(engine, "erin"))
    while not making.done():
        await asyncio.sleep(0)
        turns += 1
        create_pin(engine, SESSIONS + turns, "erin")
    _, message = await making
    as_bytes: Any = message
    assert turns >= SESSIONS // queue_messages.PORTION
    assert pb.WatchQueueResponse.FromString(as_bytes).snapshot == expected


async def test_a_queue_costs_what_is_in_it_and_not_what_others_have(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_pin(engine, SESSIONS, "dave")
    looked_at: list[str] = []
    sessions = engine.published.sessions

    class Counted(dict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            looked_at.append(key)
            return super().__getitem__(key)

        def values(self) -> Any:
            raise AssertionError("all sessions were looked at")

    monkeypatch.setattr(engine.published, "sessions", Counted(sessions))
    assert len(engine.published.queue_of("dave")) == 1
    assert len(looked_at) == 1
