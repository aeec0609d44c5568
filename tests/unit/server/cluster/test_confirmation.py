"""A leader that stores nothing: how it finds out that another server leads, and how seldom it asks the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rescue_server.cluster import confirmation
from rescue_server.cluster.confirmation import Confirmation
from rescue_server.replicated.memory_log import MemoryLog
from rescue_server.replicated.records import Begin, Lead, encode
from rescue_server.replicated.store import ReplicatedStore
from rescue_server.store import STORE_FILE, SqliteStore, StoredEvent

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


class Log(MemoryLog):
    """Counts how often it is asked for its end, and how often it is waited for."""

    asked = waited = 0

    def tail(self) -> int:
        self.asked += 1
        return super().tail()

    def wait(self, after: int, timeout: float) -> None:
        self.waited += 1
        super().wait(after, timeout)


class Leading:
    """A store that leads, and is confirmed."""

    def __init__(self, log: Log, store: ReplicatedStore, deposed: asyncio.Event) -> None:
        self.log = log
        self.store = store
        self.deposed = deposed

    def another_leads(self) -> None:
        self.log.append(self.store.read_to, encode(Lead(epoch=2, server="s2", address="h:2"), largest=10_000)[0], "o")


@asynccontextmanager
async def leading(directory: Path) -> AsyncIterator[Leading]:
    log, deposed, loop = Log(), asyncio.Event(), asyncio.get_running_loop()
    local = SqliteStore.open(directory / STORE_FILE, synced=False)

    def on_deposed() -> None:
        loop.call_soon_threadsafe(deposed.set)

    store = ReplicatedStore(log, local, on_deposed=on_deposed)
    store.begin(Begin(cluster="c", key="k"))
    store.lead(server="s1", address="h:1")

    async def in_store(call: Callable[[], None]) -> None:
        call()

    confirming = asyncio.create_task(Confirmation(store, log, in_store).run())
    try:
        yield Leading(log, store, deposed)
    finally:
        confirming.cancel()
        log.close()
        store.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - another thread tells nobody
            await asyncio.sleep(0.001)


async def test_an_idle_leader_waits_for_news_instead_of_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmation, "PAUSE", 0.0)
    monkeypatch.setattr(confirmation, "LOOK_AGAIN", 60.0)
    async with leading(tmp_path) as subject:
        await until(lambda: subject.log.waited == 1)
        assert subject.log.asked == 0
        subject.another_leads()
        async with asyncio.timeout(30):
            await subject.deposed.wait()


async def test_it_asks_now_and_then_for_what_no_news_came_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmation, "PAUSE", 0.0)
    monkeypatch.setattr(confirmation, "LOOK_AGAIN", 0.01)
    monkeypatch.setattr(Log, "wait", lambda log, after, timeout: None)
    async with leading(tmp_path) as subject:
        await until(lambda: subject.log.asked >= 3)
        assert not subject.deposed.is_set()
        subject.another_leads()
        async with asyncio.timeout(30):
            await subject.deposed.wait()


async def test_who_stores_something_knows_that_it_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmation, "PAUSE", 0.02)
    async with leading(tmp_path) as subject:
        for revision in range(1, 21):
            subject.store.append([StoredEvent(revision=revision, at=NOON, stream="1001", body=b"{}")])
            await asyncio.sleep(0.005)
        assert subject.log.waited <= 1  # a test that was short of processor for a moment
