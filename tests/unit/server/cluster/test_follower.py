"""A server that follows asks the log for what it has only, and says what is news of the cluster, not each event."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from rescue_server.clock import ServerClock
from rescue_server.cluster.election import PING, Election
from rescue_server.cluster.follower import Follower
from rescue_server.core.events import SessionCreated
from rescue_server.core.organization import GroupAdded, TechnicianAdded
from rescue_server.replicated.log import LogEntry
from rescue_server.replicated.memory_log import MemoryLog
from rescue_server.replicated.records import Begin
from rescue_server.replicated.store import ReplicatedStore
from rescue_server.runtime.checkpoint import Checkpoints
from rescue_server.runtime.engine import live_engine
from rescue_server.runtime.state import AnyEvent, stream_of
from rescue_server.store import STORE_FILE, SqliteStore, StoredEvent

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
GROUP = GroupAdded(at=NOON, name="Support")
ALICE = TechnicianAdded(at=NOON, name="alice", group="Support")


def session(number: str) -> SessionCreated:
    return SessionCreated(session=number, at=NOON, owner="group:Support", entries=("alice",))


class Log(MemoryLog):
    """Counts how often it is asked for entries that it has not: an engine searches for each of them."""

    in_vain = 0

    def read(self, after: int, limit: int) -> list[LogEntry]:
        found = super().read(after, limit)
        self.in_vain += not found
        return found


class Pair:
    """A store that leads, and a server that follows it. `news` counts how often it had news."""

    def __init__(self, log: Log, leader: ReplicatedStore, replica: ReplicatedStore) -> None:
        self.log = log
        self.news = 0
        self.engine = live_engine(replica, ServerClock(start=NOON, paused=True))
        self.engine.follow(Checkpoints())
        self._leader = leader
        self._election = Election("h:2")
        self._follower = Follower(self.engine, replica, log, self._election, self._count)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follower.run("s2", "h:2"))
            group.create_task(self._hear())

    async def follows(self, event: AnyEvent) -> None:
        """Let the leader store an event, and wait until the other one has it and has looked for more."""
        revision = self._leader.last_revision() + 1
        stored = StoredEvent(revision=revision, at=NOON, stream=stream_of(event), body=msgspec.json.encode(event))
        self._leader.append([stored])
        await self._follower.look()
        assert self.engine.published.revision == revision

    async def sees_the_leader_resign(self) -> None:
        self._leader.resign()
        await self._follower.look()

    def _count(self) -> None:
        self.news += 1

    async def _hear(self) -> None:
        while True:
            self._election.received(time.monotonic())  # as over the link
            await asyncio.sleep(PING)


@asynccontextmanager
async def following(directory: Path) -> AsyncIterator[Pair]:
    log = Log()
    leader, replica = (
        ReplicatedStore(log, SqliteStore.open(directory / name / STORE_FILE, synced=False)) for name in ("s1", "s2")
    )
    leader.begin(Begin(cluster="c", key="k"))
    leader.lead(server="s1", address="h:1")
    pair = Pair(log, leader, replica)
    running = asyncio.create_task(pair.run())
    try:
        await pair.follows(GROUP)
        await pair.follows(ALICE)
        yield pair
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        log.close()
        await pair.engine.close()
        leader.close()


async def test_the_log_is_asked_for_nothing_that_it_has_not(tmp_path: Path) -> None:
    async with following(tmp_path) as pair:
        for number in range(1001, 1006):
            await pair.follows(session(f"{number}"))
        assert pair.log.in_vain == 0


async def test_a_session_is_no_news_of_the_cluster_and_a_changed_organization_is(tmp_path: Path) -> None:
    async with following(tmp_path) as pair:
        news = pair.news
        await pair.follows(session("1001"))
        assert pair.news == news
        await pair.follows(TechnicianAdded(at=NOON, name="bob", group="Support"))
        assert pair.news == news + 1
        await pair.sees_the_leader_resign()
        assert pair.news == news + 2
