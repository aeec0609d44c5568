"""What a request costs besides its own work: trips to the store's thread, and writes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import pytest

from rescue_protos.errors import RequestReused
from rescue_server.clock import ServerClock
from rescue_server.core.organization import GroupAdded
from rescue_server.runtime import commit
from rescue_server.runtime.engine import Answer, Engine, Outcome, Request, live_engine
from rescue_server.runtime.pending_answer import PendingAnswer
from rescue_server.runtime.request_ids import RequestIds
from rescue_server.runtime.state import AppliedEvent
from rescue_server.store.memory import MemoryStore
from rescue_server.store.protocol import ClockMark, StoredAnswer, StoredEvent

START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")


class CountedStore(MemoryStore):
    """Counts what it is asked for and what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.batches: list[int] = []

    def answer(self, principal: str, request_id: str) -> StoredAnswer | None:
        self.asked.append(request_id)
        return super().answer(principal, request_id)

    def append(
        self, events: Sequence[StoredEvent], answers: Sequence[StoredAnswer] = (), clock: ClockMark | None = None
    ) -> None:
        super().append(events, answers, clock)
        self.batches.append(len(answers))


@contextlib.asynccontextmanager
async def running(store: CountedStore) -> AsyncIterator[Engine]:
    engine = live_engine(store, ServerClock(start=START, monotonic=lambda: 0.0))
    engine.load()
    work = asyncio.ensure_future(engine.run())
    try:
        await engine._requests.learn()
        yield engine
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work


async def ask(engine: Engine, request_id: str, content: str = "") -> Answer:
    name = f"g{request_id}"
    return await engine.perform(
        lambda desk, context: Outcome(events=[GroupAdded(at=START, name=name)], answer=Answer(session=request_id)),
        Request(principal="alice", id=request_id, fingerprint=content),
    )


async def test_the_store_is_not_asked_for_requests_that_are_fresh() -> None:
    store = CountedStore()
    async with running(store) as engine:
        for number in range(50):
            await ask(engine, str(number))
    assert store.asked == []


async def test_requests_of_an_earlier_run_get_their_answers_and_have_no_second_effect() -> None:
    store = CountedStore()
    async with running(store) as engine:
        first = [await ask(engine, str(number)) for number in range(12)]
    revision = store.last_revision()
    async with running(store) as engine:
        assert [await ask(engine, str(number)) for number in range(12)] == first
        with pytest.raises(RequestReused):
            await ask(engine, "3", "something else")
    assert store.last_revision() == revision


async def test_callers_that_were_answered_together_are_stored_together_again() -> None:
    store = CountedStore()

    async def caller(engine: Engine, name: int) -> None:
        for number in range(20):
            await ask(engine, f"{name}-{number}")

    async with running(store) as engine:
        await asyncio.gather(*(caller(engine, name) for name in range(16)))
    assert store.batches == [16] * 20


async def test_one_command_that_came_late_does_not_part_those_who_come_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commit, "PAUSE", 0.1)  # real seconds: longer than a busy machine takes for two turns
    store = CountedStore()
    async with running(store) as engine:
        await asyncio.gather(*(ask(engine, f"first {number}") for number in range(16)))
        await ask(engine, "late")
        early = asyncio.create_task(ask(engine, "early"))
        await asyncio.sleep(0.01)
        await asyncio.gather(early, *(ask(engine, f"second {number}") for number in range(7)))
    assert store.batches == [16, 1, 8]


class PublishedPerTurn:
    """Counts the events that are published in each turn of the event loop."""

    def __init__(self) -> None:
        self.counts = Counter[int]()
        self._turn = 0

    async def count_turns(self) -> None:
        while True:
            await asyncio.sleep(0)
            self._turn += 1

    def on_applied(self, applied: AppliedEvent) -> None:
        self.counts[self._turn] += 1


async def test_what_is_stored_together_is_published_in_portions() -> None:
    store, published = CountedStore(), PublishedPerTurn()
    async with running(store) as engine:
        engine.subscribe(published)
        counting = asyncio.create_task(published.count_turns())
        await asyncio.gather(*(ask(engine, str(number)) for number in range(150)))
        counting.cancel()
    assert store.batches == [150]
    assert published.counts.total() == 150
    assert max(published.counts.values()) <= 50


async def test_commands_that_were_answered_leave_nothing_that_only_a_look_for_garbage_frees() -> None:
    async with running(CountedStore()) as engine:
        gc.collect()
        gc.disable()
        try:
            for number in range(20):
                await ask(engine, str(number))
            left = [each for each in gc.get_objects() if isinstance(each, PendingAnswer)]
        finally:
            gc.enable()
    assert len(left) <= 1  # that of the last one, on its way out


def test_ids_that_were_used_are_never_taken_for_fresh() -> None:
    ids = RequestIds(bits=4096)
    used = [("alice", str(number)) for number in range(400)]
    for key in used:
        ids.add(key)
    assert all(ids.may_hold(key) for key in used)
    fresh = [("bob", str(number)) for number in range(400)]
    assert sum(ids.may_hold(key) for key in fresh) < 200
