"""Stores of several servers on one log: who follows, who may write, and what is found out at a start."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rescue_server.replicated.log import InDoubt, LogEntry
from rescue_server.replicated.memory_log import MemoryLog
from rescue_server.replicated.records import Append, Begin, Lead, encode
from rescue_server.replicated.store import Deposed, LogMismatch, ReplicatedStore
from rescue_server.store import (
    STORE_FILE,
    ConflictingRevision,
    SqliteStore,
    StoredAnswer,
    StoredEvent,
    StoreUnavailable,
)

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
OpenStore = Callable[..., ReplicatedStore]


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def open_store(tmp_path: Path, log: MemoryLog) -> Iterator[OpenStore]:
    with ExitStack() as stack:

        def opened(name: str, *, on: MemoryLog = log, largest: int = 10_000) -> ReplicatedStore:
            store = ReplicatedStore(on, SqliteStore.open(tmp_path / name / STORE_FILE, synced=False), largest=largest)
            stack.callback(store.close)
            return store

        yield opened


def event(revision: int, body: bytes = b"{}") -> StoredEvent:
    return StoredEvent(revision=revision, at=NOON, stream="1001", body=body)


def answer(request_id: str) -> StoredAnswer:
    return StoredAnswer(request_id=request_id, principal="alice", fingerprint="f", revision=1, body=b"ok")


def leading(store: ReplicatedStore) -> ReplicatedStore:
    follow(store).lead(server="s1", address="h:1")
    return store


def follow(store: ReplicatedStore) -> ReplicatedStore:
    while store.catch_up() or store.lag():
        pass
    return store


def test_who_follows_holds_what_the_leader_holds(open_store: OpenStore) -> None:
    leader, replica = open_store("s1"), open_store("s2")
    leader.begin(Begin(cluster="c0ffee", key="k", last_session=7))
    leading(leader).append([event(1), event(2)], [answer("r1")])
    leader.rewrite([event(2, b"new")], [1])
    leader.compact([], through=0, answers_through=1)
    follow(replica)
    assert list(replica.read()) == list(leader.read()) == [event(2, b"new")]
    assert replica.answer("alice", "r1") is None
    assert replica.identity() == leader.identity()
    assert (replica.identity().history, replica.identity().last_session) == ("c0ffee", 7)
    assert replica.place == leader.place
    assert (replica.place.position, replica.place.cluster, replica.place.key) == (5, "c0ffee", "k")


def test_who_leads_is_what_the_last_record_about_it_says(open_store: OpenStore) -> None:
    first, second = open_store("s1"), open_store("s2")
    first.lead(server="s1", address="h:1")
    follow(second)
    assert (second.place.epoch, second.place.leader, second.place.address) == (1, "s1", "h:1")
    first.resign()
    follow(second).lead(server="s2", address="h:2")
    assert (follow(first).place.epoch, first.place.leader) == (2, "s2")


def test_of_two_that_want_to_lead_one_does(open_store: OpenStore) -> None:
    first, second = open_store("s1"), open_store("s2")
    first.lead(server="s1", address="h:1")
    with pytest.raises(Deposed):
        second.lead(server="s2", address="h:2")
    assert follow(open_store("s3")).place.leader == "s1"


def test_who_was_deposed_stores_nothing_any_more(tmp_path: Path, log: MemoryLog, open_store: OpenStore) -> None:
    told: list[str] = []
    old = ReplicatedStore(log, SqliteStore.open(tmp_path / "old" / STORE_FILE), on_deposed=lambda: told.append("told"))
    leading(old).append([event(1)])
    new = follow(open_store("new"))
    new.lead(server="new", address="h:1")
    new.append([event(2, b"new")])
    for _ in range(2):  # it knows by then
        with pytest.raises(Deposed) as caught:
            old.append([event(2, b"old")])
        assert caught.value.is_uncertain
    assert told == ["told"]
    assert list(old.read()) == [event(1)]
    old.close()
    assert list(follow(open_store("old")).read()) == [event(1), event(2, b"new")]


def test_who_stores_nothing_finds_out_that_another_server_leads(tmp_path: Path, log: MemoryLog) -> None:
    deposed: list[bool] = []
    local = SqliteStore.open(tmp_path / "s1" / STORE_FILE, synced=False)
    with ExitStack() as stack:
        old = ReplicatedStore(log, local, on_deposed=lambda: deposed.append(True))
        stack.callback(old.close)
        leading(old).append([event(1)])
        old.confirm()
        assert not deposed
        log.append(log.tail(), encode(Lead(epoch=2, server="s2", address="h:2"), largest=10_000)[0], "another")
        old.confirm()
        old.confirm()
        assert deposed == [True]
        assert str(old.deposed_by) == "another server has written record 3 of the log"
        with pytest.raises(Deposed):
            old.append([event(2)])


def test_what_is_wrong_with_a_change_is_found_before_it_is_logged(log: MemoryLog, open_store: OpenStore) -> None:
    store = leading(open_store("s1"))
    store.append([event(1)])
    with pytest.raises(ConflictingRevision):
        store.append([event(3)])
    with pytest.raises(ValueError, match="not there"):
        store.rewrite([], [9])
    store.append([event(2)])
    assert log.tail() == 3


class FailingLog(MemoryLog):
    """Refuses with this error, after it stored the record or not."""

    error: Exception | None = None
    stores = False

    def append(self, expected: int, record: bytes, id: str) -> int:
        if self.error is None or self.stores:
            super().append(expected, record, id)
        if self.error is not None:
            raise self.error
        return expected + 1


@pytest.mark.parametrize("stores", [False, True])
def test_a_change_in_doubt_is_not_seen_here_and_may_come_from_the_log(open_store: OpenStore, stores: bool) -> None:
    log = FailingLog()
    store = leading(open_store("s1", on=log))
    store.append([event(1)])
    log.error, log.stores = InDoubt(3), stores
    with pytest.raises(Deposed):
        store.append([event(2)])
    assert store.last_revision() == 1
    store.close()
    assert follow(open_store("s1", on=log)).last_revision() == (2 if stores else 1)


def test_a_local_file_that_takes_nothing_deposes_nobody_before_the_log_has_it(
    log: MemoryLog, open_store: OpenStore
) -> None:
    store = leading(open_store("s1"))
    with sqlite3.connect(store.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable) as caught:
            store.append([event(1)])
        other.execute("ROLLBACK")
    other.close()
    assert not caught.value.is_uncertain
    assert log.tail() == 1
    store.append([event(1)])


def test_a_record_of_several_entries_counts_as_a_whole(log: MemoryLog, open_store: OpenStore) -> None:
    leader, replica = leading(open_store("s1", largest=60)), follow(open_store("s2"))
    leader.append([event(1, bytes(200))])
    assert log.tail() > replica.read_to + 2
    assert replica.catch_up(limit=1) == []
    assert replica.last_revision() == 0
    assert len(replica.catch_up()) == 1
    leader.append([event(2)])
    assert follow(replica).last_revision() == 2


def test_a_leader_that_died_within_a_record_left_nothing(log: MemoryLog, open_store: OpenStore) -> None:
    torn = encode(Append(events=[event(1, b"torn")]), largest=60)
    log.append(0, torn[0], "torn")
    store = follow(open_store("s1"))
    store.lead(server="s1", address="h:1")
    store.append([event(1, b"whole")])
    store.close()
    again = follow(open_store("s1"))
    assert list(again.read()) == list(follow(open_store("s2")).read()) == [event(1, b"whole")]


def test_a_server_goes_on_from_where_it_was(open_store: OpenStore) -> None:
    store = leading(open_store("s1"))
    store.append([event(1)])
    store.close()
    again = open_store("s1")
    again.check()
    assert again.catch_up() == []
    leading(again).append([event(2)])


@pytest.mark.parametrize("entries", [0, 1, 3])
def test_a_log_that_is_another_one_or_was_set_back_is_refused(
    log: MemoryLog, open_store: OpenStore, entries: int
) -> None:
    store = leading(open_store("s1"))
    store.append([event(1)])
    store.append([event(2)])
    store.close()
    other = MemoryLog()
    for position in range(entries):
        other.append(position, encode(Lead(epoch=1, server="x", address=""))[0], f"other{position}")
    with pytest.raises(LogMismatch, match="set back or is another one"):
        open_store("s1", on=other).check()


def test_a_server_whose_last_record_was_trimmed_goes_on(log: MemoryLog, open_store: OpenStore) -> None:
    store = leading(open_store("s1"))
    other = open_store("s2")
    for revision in (1, 2, 3):
        store.append([event(revision)])
    other.catch_up(limit=3)
    log.trim(3)
    other.check()
    assert follow(other).last_revision() == 3


def test_a_record_of_a_later_version_is_not_guessed_at(log: MemoryLog, open_store: OpenStore) -> None:
    log.append(0, b"RL\x02\x00\x00\x00\x00\x00", "later")
    with pytest.raises(LogMismatch, match="record 1 of the log means nothing to this program: it has version 2"):
        open_store("s1").catch_up()


def test_entries_have_the_id_of_their_record(log: MemoryLog, open_store: OpenStore) -> None:
    store = leading(open_store("s1"))
    store.append([event(1)])
    (_, entry) = log.read(0, 10)
    assert isinstance(entry, LogEntry)
    assert store.place.entry == entry.id


def test_who_follows_stores_nothing(log: MemoryLog, open_store: OpenStore) -> None:
    store = open_store("s1")
    with pytest.raises(Deposed, match="does not lead"):
        store.append([event(1)])
    leading(store).resign()
    with pytest.raises(Deposed, match="does not lead"):
        store.append([event(1)])
    assert log.tail() == 2
