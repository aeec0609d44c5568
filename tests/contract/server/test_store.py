"""The protocol of the store: the same tests for each implementation."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rescue_server.replicated.memory_log import MemoryLog
from rescue_server.replicated.store import ReplicatedStore
from rescue_server.store import (
    STORE_FILE,
    ClockMark,
    ConflictingAnswer,
    ConflictingRevision,
    MemoryStore,
    SqliteStore,
    Store,
    StoreClosed,
    StoredAnswer,
    StoredEvent,
)

_logs: dict[Path, MemoryLog] = {}


def replicated(directory: Path) -> Store:
    """Open the store of a server whose local file is lost: everything is in the log."""
    log = _logs.setdefault(directory, MemoryLog())
    for file in directory.glob(f"{STORE_FILE}*"):
        file.unlink()
    store = ReplicatedStore(log, SqliteStore.open(directory / STORE_FILE, synced=False))
    while store.catch_up():
        pass
    store.lead(server="s1", address="")
    return store


ENGINES: dict[str, Callable[[Path], Store]] = {
    "memory": lambda directory: MemoryStore(),
    "sqlite": lambda directory: SqliteStore.open(directory / STORE_FILE),
    "cluster": replicated,
}
NOON = datetime(2026, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = ENGINES[request.param](tmp_path)
    yield opened
    opened.close()


def event(revision: int, stream: str = "7f3", body: bytes = b"{}", at: datetime = NOON) -> StoredEvent:
    return StoredEvent(revision=revision, at=at, stream=stream, body=body)


def answer(request_id: str, principal: str = "alice", revision: int = 0) -> StoredAnswer:
    return StoredAnswer(
        request_id=request_id, principal=principal, fingerprint="f00d", revision=revision, body=b"\x00ok"
    )


def test_a_new_store_holds_nothing(store: Store) -> None:
    assert list(store.read()) == []
    assert store.last_revision() == 0
    assert store.compacted_through() == 0
    assert store.clock() is None
    assert store.answer("alice", "r1") is None


def test_a_store_keeps_the_identity_of_its_history(store: Store) -> None:
    identity = store.identity()
    assert len(identity.history) == 16
    assert identity.last_session == 0
    store.append([event(1)])
    assert store.identity() == identity


def test_each_new_store_has_another_history(tmp_path: Path) -> None:
    stores = [ENGINES[name](tmp_path / name / str(number)) for name in ENGINES for number in range(2)]
    assert len({store.identity().history for store in stores}) == len(stores)
    for store in stores:
        store.close()


def test_events_come_back_as_they_went_in(store: Store) -> None:
    written = [
        event(1, body=bytes(range(256))),
        event(2, stream="organization", body=b"", at=NOON + timedelta(microseconds=1)),
        event(3, stream="zoë's 'session'\x00", at=datetime(1969, 1, 1, tzinfo=UTC)),
        event(4, body=b"x" * 100_000, at=datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    ]
    store.append(written[:1])
    store.append(written[1:])
    assert list(store.read()) == written
    assert {found.at.tzinfo for found in store.read()} == {UTC}
    assert store.last_revision() == 4


def test_reading_begins_after_a_revision(store: Store) -> None:
    store.append([event(n) for n in range(1, 2501)])
    assert [found.revision for found in store.read(2498)] == [2499, 2500]
    assert [found.revision for found in store.read()] == list(range(1, 2501))
    assert list(store.read(2500)) == []


def test_reading_stops_at_what_was_last_when_it_began_and_holds_up_no_append(store: Store) -> None:
    store.append([event(n) for n in range(1, 1502)])
    reading = store.read()
    first = next(reading)
    store.append([event(1502)])
    assert [found.revision for found in (first, *reading)] == list(range(1, 1502))


def test_a_reader_finds_events_of_all_streams_or_one(store: Store) -> None:
    written = [event(n, stream="even" if n % 2 == 0 else "odd") for n in range(1, 21)]
    store.append(written)
    reader = store.reader()
    assert reader.read(0, through=20, limit=100) == written
    assert reader.read(3, through=9, limit=4) == written[3:7]
    assert reader.read(3, through=9, limit=100, stream="even") == written[3:9:2]
    assert reader.read(0, through=20, limit=2, stream="odd") == written[0:3:2]
    assert reader.read(0, through=20, limit=100, stream="none") == reader.read(20, through=30, limit=9) == []
    store.append([event(21, stream="odd")])
    assert reader.read(20, through=21, limit=9, stream="odd") == [event(21, stream="odd")]
    store.compact(["odd"], through=21)
    assert reader.read(0, through=21, limit=2) == written[1:4:2]
    reader.close()


def test_a_reader_reads_in_another_thread_while_the_store_is_used(store: Store) -> None:
    store.append([event(n) for n in range(1, 101)])
    with ThreadPoolExecutor(1) as thread:
        reader = thread.submit(store.reader).result()
        for revision in range(101, 201):
            reading = thread.submit(reader.read, 0, through=revision - 1, limit=1000)
            store.append([event(revision)])
            assert len(reading.result()) == revision - 1
        thread.submit(reader.close).result()


@pytest.mark.parametrize("revisions", [[2], [0], [1, 3], [1, 1], [1, 2, 4], [2, 1]])
def test_revisions_go_on_without_a_gap_or_nothing_is_stored(store: Store, revisions: list[int]) -> None:
    with pytest.raises(ConflictingRevision):
        store.append([event(n) for n in revisions], [answer("r1")], ClockMark(now=NOON, speed=1, paused=True))
    assert list(store.read()) == []
    assert store.answer("alice", "r1") is None
    assert store.clock() is None


def test_a_conflict_says_which_revision_was_expected(store: Store) -> None:
    store.append([event(1), event(2)])
    with pytest.raises(ConflictingRevision, match="revision 3, not 2") as caught:
        store.append([event(2)])
    assert (caught.value.expected, caught.value.given) == (3, 2)


def test_an_answer_is_found_by_who_asked_and_the_request(store: Store) -> None:
    store.append([event(1)], [answer("r1", revision=1), answer("r1", principal="bob", revision=1)])
    store.append([], [answer("r2", revision=1)])
    assert store.answer("alice", "r1") == answer("r1", revision=1)
    assert store.answer("bob", "r1") == answer("r1", principal="bob", revision=1)
    assert store.answer("alice", "r2") == answer("r2", revision=1)
    assert store.answer("bob", "r2") is None


def test_the_answered_requests_are_listed_in_portions(store: Store) -> None:
    store.append([event(1)], [answer("r1"), answer("r2"), answer("r1", principal="bob")])
    assert store.answered(("", ""), 2) == [("alice", "r1"), ("alice", "r2")]
    assert store.answered(("alice", "r2"), 2) == [("bob", "r1")]
    assert store.answered(("bob", "r1"), 2) == []


@pytest.mark.parametrize("again", [["r1"], ["r2", "r1"], ["r2", "r2"]])
def test_a_second_answer_to_a_request_is_refused_with_all_that_came_with_it(store: Store, again: list[str]) -> None:
    store.append([event(1)], [answer("r1")])
    with pytest.raises(ConflictingAnswer, match=f"request {again[-1]} of alice"):
        store.append([event(2)], [answer(request, revision=2) for request in again])
    assert [found.revision for found in store.read()] == [1]
    assert store.answer("alice", "r1") == answer("r1")
    assert store.answer("alice", "r2") is None
    store.append([event(2)], [answer("r2")])
    assert store.last_revision() == 2


def test_the_clock_is_remembered_alone_and_with_events(store: Store) -> None:
    alone = ClockMark(now=NOON, speed=0.1, paused=True)
    store.mark_clock(alone)
    assert store.clock() == alone
    with_events = ClockMark(now=NOON + timedelta(microseconds=1), speed=60.0, paused=False)
    store.append([event(1)], clock=with_events)
    assert store.clock() == with_events
    store.append([event(2)])
    assert store.clock() == with_events


def test_compaction_drops_ended_streams_and_remembers_how_far(store: Store) -> None:
    store.append([event(1, "gone"), event(2, "kept"), event(3, "also gone"), event(4, "kept")])
    store.compact(["gone", "also gone", "never there"], through=4)
    assert [found.revision for found in store.read()] == [2, 4]
    assert store.compacted_through() == 3
    assert store.last_revision() == 4


def test_compaction_goes_no_further_than_it_is_told(store: Store) -> None:
    store.append([event(1, "organization"), event(2, "organization"), event(3, "organization")])
    store.compact(["organization"], through=2)
    assert [found.revision for found in store.read()] == [3]
    assert store.compacted_through() == 2
    store.compact(["organization"], through=2)
    store.compact([], through=3)
    assert store.compacted_through() == 2


def test_revisions_are_never_used_again_after_compaction(store: Store) -> None:
    store.append([event(1, "gone"), event(2, "gone")])
    store.compact(["gone"], through=2)
    assert store.last_revision() == 2
    with pytest.raises(ConflictingRevision):
        store.append([event(1)])
    store.append([event(3)])
    assert [found.revision for found in store.read()] == [3]


def test_compaction_forgets_old_answers(store: Store) -> None:
    store.append([event(1), event(2)], [answer("r1", revision=1), answer("r2", revision=2)])
    store.compact([], through=0, answers_through=1)
    assert store.answer("alice", "r1") is None
    assert store.answer("alice", "r2") == answer("r2", revision=2)
    store.append([], [answer("r1", revision=2)])
    assert store.answer("alice", "r1") == answer("r1", revision=2)


def test_a_rewritten_event_stands_for_earlier_ones(store: Store) -> None:
    store.append([event(1), event(2), event(3, body=b"old"), event(4)])
    store.rewrite([event(3, body=b"new")], {1, 2})
    assert list(store.read()) == [event(3, body=b"new"), event(4)]
    assert (store.compacted_through(), store.last_revision()) == (2, 4)


@pytest.mark.parametrize(("changed", "dropped"), [([3], [1]), ([2], [0, 1]), ([], [1, 3])])
def test_what_is_not_there_cannot_be_folded(store: Store, changed: list[int], dropped: list[int]) -> None:
    store.append([event(1), event(2)])
    with pytest.raises(ValueError, match="not there"):
        store.rewrite([event(n, body=b"new") for n in changed], dropped)
    assert list(store.read()) == [event(1), event(2)]
    assert store.compacted_through() == 0


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    store.close()
    calls: list[Callable[[], object]] = [
        store.read,
        store.last_revision,
        store.clock,
        store.compacted_through,
        lambda: store.append([event(1)]),
        lambda: store.answer("alice", "r1"),
        lambda: store.compact([], through=0),
        lambda: store.rewrite([], []),
        lambda: store.backup(Path("never-written")),
    ]
    for call in calls:
        with pytest.raises(StoreClosed):
            call()
    assert not Path("never-written").exists()


@pytest.mark.parametrize("at", [NOON.replace(tzinfo=None), NOON.astimezone(timezone(timedelta(hours=1)))])
def test_only_aware_utc_times_are_stored(at: datetime) -> None:
    with pytest.raises(ValueError, match="not an aware UTC time"):
        event(1, at=at)
    with pytest.raises(ValueError, match="not an aware UTC time"):
        ClockMark(now=at, speed=1, paused=False)


def test_a_clock_has_a_finite_speed() -> None:
    with pytest.raises(ValueError, match="finite"):
        ClockMark(now=NOON, speed=float("nan"), paused=False)


STREAMS = st.sampled_from(["organization", "7f3"])
MOMENTS = st.datetimes(timezones=st.just(UTC))
MARKS = st.builds(
    ClockMark,
    now=MOMENTS,
    speed=st.floats(min_value=1e-3, max_value=1e5, allow_nan=False),
    paused=st.booleans(),
)
LINES = st.lists(st.tuples(MOMENTS, STREAMS, st.binary(max_size=40)), min_size=1, max_size=5)
PRINCIPALS = ("alice", "bob")
REQUESTS = ("r1", "r2", "r3", "r4")
KEYS = st.tuples(st.sampled_from(PRINCIPALS), st.sampled_from(REQUESTS))


class AgainstModel(RuleBasedStateMachine):
    """Makes the calls of a server to a store and to a small model, and compares what both hold."""

    engine: str

    @initialize()
    def begin(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.store = ENGINES[self.engine](self.directory)
        self.events: list[StoredEvent] = []
        self.answers: dict[tuple[str, str], StoredAnswer] = {}
        self.mark: ClockMark | None = None
        self.last = 0
        self.compacted = 0

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.directory)

    @rule(lines=LINES, key=st.none() | KEYS, mark=st.none() | MARKS)
    def append(
        self, lines: list[tuple[datetime, str, bytes]], key: tuple[str, str] | None, mark: ClockMark | None
    ) -> None:
        events = [event(self.last + 1 + n, stream, body, at) for n, (at, stream, body) in enumerate(lines)]
        answers = [] if key is None else [answer(key[1], key[0], self.last + len(events))]
        if key in self.answers:
            with pytest.raises(ConflictingAnswer):
                self.store.append(events, answers, mark)
            return
        self.store.append(events, answers, mark)
        self.events += events
        self.last += len(events)
        self.answers |= {(given.principal, given.request_id): given for given in answers}
        self.mark = mark or self.mark

    @rule(skip=st.sampled_from([-1, 1]), mark=MARKS)
    def append_out_of_turn(self, skip: int, mark: ClockMark) -> None:
        with pytest.raises(ConflictingRevision):
            self.store.append([event(self.last + 1 + skip)], [answer("r1")], mark)

    @rule(mark=MARKS)
    def mark_clock(self, mark: ClockMark) -> None:
        self.store.mark_clock(mark)
        self.mark = mark

    @rule(streams=st.sets(STREAMS, min_size=1), behind=st.integers(0, 3), answers_behind=st.integers(0, 3))
    def compact(self, streams: set[str], behind: int, answers_behind: int) -> None:
        through, answers_through = self.last - behind, self.last - answers_behind
        self.store.compact(streams, through=through, answers_through=answers_through)
        dropped = [stored for stored in self.events if stored.stream in streams and stored.revision <= through]
        self.compacted = max([self.compacted, *(stored.revision for stored in dropped)])
        self.events = [stored for stored in self.events if stored not in dropped]
        self.answers = {key: kept for key, kept in self.answers.items() if kept.revision > answers_through}

    @precondition(lambda self: self.events)
    @rule(data=st.data(), body=st.binary(max_size=40))
    def rewrite(self, data: st.DataObject, body: bytes) -> None:
        which = data.draw(st.sets(st.sampled_from([stored.revision for stored in self.events])))
        last = max(which, default=0)
        changed = [msgspec.structs.replace(stored, body=body) for stored in self.events if stored.revision == last]
        self.store.rewrite(changed, which - {last})
        self.compacted = max([self.compacted, *(which - {last})])
        self.events = [*changed, *(stored for stored in self.events if stored.revision not in which)]
        self.events.sort(key=lambda stored: stored.revision)

    @precondition(lambda self: self.engine != "memory")
    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = ENGINES[self.engine](self.directory)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        assert list(self.store.read()) == self.events
        assert list(self.store.read(self.last // 2)) == [
            stored for stored in self.events if stored.revision > self.last // 2
        ]
        assert self.store.last_revision() == self.last
        assert self.store.compacted_through() == self.compacted
        assert self.store.clock() == self.mark
        for who in PRINCIPALS:
            for request in REQUESTS:
                assert self.store.answer(who, request) == self.answers.get((who, request))


class MemoryAgainstModel(AgainstModel):
    engine = "memory"


class SqliteAgainstModel(AgainstModel):
    engine = "sqlite"


class ClusterAgainstModel(AgainstModel):
    engine = "cluster"


_FEW = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestMemoryAgainstModel = MemoryAgainstModel.TestCase
TestMemoryAgainstModel.settings = _FEW
TestSqliteAgainstModel = SqliteAgainstModel.TestCase
TestSqliteAgainstModel.settings = _FEW
TestClusterAgainstModel = ClusterAgainstModel.TestCase
TestClusterAgainstModel.settings = _FEW
