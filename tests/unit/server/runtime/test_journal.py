"""Readers of the journal get the same lines whatever they ask for, read no more than that, and hold nobody up."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from rescue_server.clock import ServerClock
from rescue_server.core import organization as core_organization
from rescue_server.core.events import SessionCreated, SessionEvent
from rescue_server.core.history import EventHistory
from rescue_server.replay.journal_file import read_journal
from rescue_server.runtime import command_handlers
from rescue_server.runtime.engine import Engine, Outcome, live_engine
from rescue_server.runtime.journal import _PORTION, _READ, WITHHELD, Journal, Line, Turns, shown_body
from rescue_server.runtime.state import AnyEvent, stream_of
from rescue_server.store.memory import MemoryStore
from rescue_server.store.protocol import StoredEvent, StoreReader

START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
JOURNALS = sorted((Path(__file__).parents[3] / "contract/server/journals").glob("*.jsonl"))


class CountingStore(MemoryStore):
    """Counts the events that its readers return; they wait as long as the test holds them."""

    def __init__(self) -> None:
        super().__init__()
        self.events_read = 0
        self.reads = 0
        self.held = threading.Lock()

    def reader(self) -> StoreReader:
        store, inner = self, super().reader()

        class Reader:
            def read(self, after: int, *, through: int, limit: int, stream: str = "") -> list[StoredEvent]:
                with store.held:
                    found = inner.read(after, through=through, limit=limit, stream=stream)
                store.events_read += len(found)
                store.reads += 1
                return found

            def close(self) -> None:
                inner.close()

        return Reader()


@contextlib.asynccontextmanager
async def opened(store: MemoryStore) -> AsyncIterator[tuple[Engine, Journal]]:
    engine = live_engine(store, ServerClock(start=START, paused=True))
    engine.load()
    work = asyncio.create_task(engine.run())
    try:
        yield engine, Journal(engine)
    finally:
        work.cancel()


async def read(journal: Journal, after: int = 0, session: str = "") -> tuple[list[Line], int]:
    lines: list[Line] = []
    through = after
    async for piece in journal.read(after, user="admin", session=session):
        assert through <= piece.through
        lines += piece.lines
        through = piece.through
    return lines, through


@pytest.mark.parametrize("path", JOURNALS, ids=lambda path: path.stem)
async def test_every_part_of_a_journal_is_explained_as_in_the_whole(path: Path) -> None:
    store, history, whole = MemoryStore(), EventHistory(), list[tuple[int, object]]()
    for number, line in enumerate(read_journal(path), 1):
        body = msgspec.json.encode(line.body)
        store.append([StoredEvent(revision=number, at=line.at, stream=stream_of(line.body), body=body)])
        if (explained := history.explain(line.body)) is not None:
            whole.append((number, explained))
    last = store.last_revision()
    async with opened(store) as (_, journal):
        for after in sorted({*range(0, last, max(1, last // 60)), last - 1, last}):
            lines, through = await read(journal, after)
            assert [(line.stored.revision, line.explained) for line in lines] == [
                one for one in whole if one[0] > after
            ]
            assert through == last
        of_session = {number: event.stream for number, event in enumerate(store.read(), 1)}
        for session in sorted(set(of_session.values())):
            for after in (0, last // 2):
                lines, through = await read(journal, after, session)
                expected = [one for one in whole if of_session[one[0]] == session and one[0] > after]
                assert [(line.stored.revision, line.explained) for line in lines] == expected
                assert through == last


def test_an_event_is_stored_in_few_bytes() -> None:
    """A journal is kept for ever. Its bodies took 115 bytes each when a store took 165 an event."""
    recorded = [line.body for path in JOURNALS for line in read_journal(path)]
    bodies = [msgspec.json.encode(event) for event in recorded if isinstance(event, SessionEvent)]
    assert sum(len(body) for body in bodies) <= 115 * len(bodies)


async def test_what_is_not_stored_is_shown() -> None:
    async with opened(MemoryStore()) as (engine, journal):
        await with_sessions(engine, 1)
        lines, _ = await read(journal)
    created = lines[-1]
    assert isinstance(created.event, SessionCreated)
    assert b"tracking" not in created.stored.body
    shown = msgspec.json.decode(shown_body(created, None), type=dict[str, object])
    assert set(shown) == {"type", *SessionCreated.__struct_fields__}
    assert shown["tracking"] == ""
    assert msgspec.json.decode(msgspec.json.encode(shown), type=SessionCreated) == msgspec.structs.replace(
        created.event, ticket_hash=WITHHELD
    )


async def with_sessions(engine: Engine, number: int) -> None:
    events: list[AnyEvent] = [
        core_organization.GroupAdded(at=START, name="Support"),
        core_organization.TechnicianAdded(at=START, name="alice", group="Support"),
        core_organization.ChannelAdded(at=START, name="Web", groups=("Support",)),
    ]
    await engine.perform(lambda state, context: Outcome(events=events))
    starts = (command_handlers.start_through_channel("Web", f"{n}", f"{n}") for n in range(number))
    await asyncio.gather(*(engine.perform(start) for start in starts))


async def test_one_session_and_the_last_ten_cost_the_same_in_a_long_journal() -> None:
    """Steps are counted, not time."""
    counts = []
    for sessions in (200, 2000):
        async with opened(store := CountingStore()) as (engine, journal):
            await with_sessions(engine, sessions)
            last = engine.published.revision
            for after, session, expected in ((0, "1100", 1), (last - 10, "", 10), (last - 10, "1100", 0)):
                store.events_read = 0
                lines, through = await read(journal, after, session)
                assert (len(lines), through) == (expected, last)
                counts.append(store.events_read)
    assert counts == [1, 10, 1, 1, 10, 1]


async def test_a_command_is_stored_while_a_reader_reads() -> None:
    """Found: readers held the store's one thread, and 400 of them delayed a command by 4.5 s."""
    async with opened(store := CountingStore()) as (engine, journal):
        await with_sessions(engine, 10)
        with store.held:
            reading = [asyncio.create_task(read(journal)) for _ in range(20)]
            await asyncio.sleep(0)
            await asyncio.wait_for(engine.perform(command_handlers.create_pin("alice", "", lambda: "123456")), 10)
            assert store.reads == 0
        await asyncio.gather(*reading)


async def test_however_much_one_user_reads_others_wait_for_one_turn() -> None:
    turns, order = Turns(), list[str]()

    async def reads(user: str) -> None:
        async with turns.of(user):
            order.append(user)
            await asyncio.sleep(0)

    mine = [asyncio.create_task(reads("alice")) for _ in range(50)]
    for _ in range(3):
        await asyncio.sleep(0)
    await reads("bob")
    assert order.index("bob") <= 2
    mine[40].cancel()
    await asyncio.gather(*mine, return_exceptions=True)
    assert order.count("alice") == 49
    assert turns.is_idle


async def test_other_tasks_run_between_portions() -> None:
    async with opened(store := CountingStore()) as (engine, journal):
        await with_sessions(engine, 10 * _READ)
        others = 0

        async def other() -> None:
            nonlocal others
            while True:
                await asyncio.sleep(0)
                others += 1

        task = asyncio.create_task(other())
        await read(journal)
        task.cancel()
        assert others >= 10 * _READ // _PORTION
        assert store.events_read == engine.published.revision


async def test_a_follower_reads_each_new_event_once() -> None:
    async with opened(store := CountingStore()) as (engine, journal):
        engine.subscribe(journal)
        await with_sessions(engine, 500)
        last = engine.published.revision
        async with contextlib.aclosing(journal.follow(last - 1, user="admin")) as pieces:
            found = [await anext(pieces), await anext(pieces)]
            assert [[line.stored.revision for line in piece.lines] for piece in found] == [[], [last]]
            store.events_read = 0
            await engine.perform(command_handlers.create_pin("alice", "", lambda: "123456"))
            assert [line.stored.revision for line in (await anext(pieces)).lines] == [last + 1]
            assert store.events_read == 1
