"""The durable store: what survives a kill or a full disk, its schema, its backups."""

from __future__ import annotations

import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rescue_server.store import (
    STORE_FILE,
    BackupExists,
    BackupUnsupported,
    ClockMark,
    MemoryStore,
    SqliteStore,
    StoreDamaged,
    StoredAnswer,
    StoredEvent,
    StoreForeign,
    StoreFull,
    StoreTooNew,
    StoreUnavailable,
)
from rescue_server.store.journal_reader import read_events
from rescue_server.store.schema import MIGRATIONS

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
MARK = ClockMark(now=NOON, speed=60.0, paused=False)
ANSWER = StoredAnswer(request_id="r1", principal="alice", fingerprint="f00d", revision=1, body=b"ok")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / STORE_FILE


def events(first: int, count: int = 1, size: int = 100) -> list[StoredEvent]:
    return [StoredEvent(revision=first + n, at=NOON, stream="7f3", body=b"x" * size) for n in range(count)]


def revisions(store: SqliteStore) -> list[int]:
    return [event.revision for event in store.read()]


def names(directory: Path) -> set[str]:
    return {file.name for file in directory.iterdir()}


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_an_append_is_there_after_a_kill_right_behind_it(path: Path) -> None:
    script = f"""
import os, signal
from datetime import UTC, datetime
from pathlib import Path
from rescue_server.store import ClockMark, SqliteStore, StoredAnswer, StoredEvent
noon = datetime(2026, 3, 4, 12, tzinfo=UTC)
store = SqliteStore.open(Path({str(path)!r}))
store.append(
    [StoredEvent(revision=n, at=noon, stream="7f3", body=b"x" * 100) for n in range(1, 4)],
    [StoredAnswer(request_id="r1", principal="alice", fingerprint="f00d", revision=1, body=b"ok")],
    ClockMark(now=noon, speed=60.0, paused=False),
)
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", script], timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    with closing(SqliteStore.open(path)) as store:
        assert list(store.read()) == events(1, 3)
        assert store.answer("alice", "r1") == ANSWER
        assert store.clock() == MARK


def test_events_of_one_stream_are_found_by_an_index(path: Path) -> None:
    """Stores of all versions have it. Without it each question about one session would read the whole journal."""
    with closing(SqliteStore.open(path)) as store:
        asked: list[str] = []
        store._connection.set_trace_callback(asked.append)
        read_events(store._connection, path, 3, through=9, limit=5, stream="7f3")
        store._connection.set_trace_callback(None)
        ((*_, plan),) = store._connection.execute(f"EXPLAIN QUERY PLAN {asked[0]}").fetchall()
    assert plan == "SEARCH journal USING INDEX journal_by_stream (stream=? AND rowid>? AND rowid<?)"


def test_every_append_is_synced(path: Path) -> None:
    with closing(SqliteStore.open(path)) as store:
        assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_store_opened_in_one_thread_serves_in_another(path: Path) -> None:
    with closing(SqliteStore.open(path)) as store, ThreadPoolExecutor(1) as thread:
        thread.submit(store.append, events(1)).result()
        assert thread.submit(revisions, store).result() == [1]
        thread.submit(store.close).result()


def test_only_its_owner_can_read_a_store(path: Path) -> None:
    with closing(SqliteStore.open(path)) as store:
        store.append(events(1))
        assert names(path.parent) >= {STORE_FILE, f"{STORE_FILE}-wal"}
        assert {mode(file) for file in path.parent.iterdir()} == {0o600}
        assert mode(path.parent) == 0o700


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.parent.mkdir()
    path.touch(mode=0o644)
    with closing(SqliteStore.open(path)) as store:
        store.append(events(1))
    assert mode(path) == 0o600


def test_a_creation_that_was_cut_short_is_begun_anew(path: Path) -> None:
    path.parent.mkdir()
    path.with_name(f"{STORE_FILE}.new").write_bytes(b"half a store")
    with closing(SqliteStore.open(path)) as store:
        assert store.last_revision() == 0
    assert names(path.parent) == {STORE_FILE}


def test_a_full_store_refuses_whole_appends_reads_on_and_recovers_by_itself(path: Path) -> None:
    with closing(SqliteStore.open(path)) as store:
        store.append(events(1, 3))
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StoreFull, match="disk is full"):
            store.append(events(4, 100, size=1000), [ANSWER], MARK)
        assert revisions(store) == [1, 2, 3]
        assert store.last_revision() == 3
        assert store.answer("alice", "r1") is None
        assert store.clock() is None

        store._connection.execute("PRAGMA max_page_count = 100000")
        store.append(events(4, 100, size=1000), [ANSWER], MARK)
        assert revisions(store) == list(range(1, 104))
    with closing(SqliteStore.open(path)) as store:
        assert revisions(store) == list(range(1, 104))


def test_compaction_makes_room_in_a_full_store(path: Path) -> None:
    with closing(SqliteStore.open(path)) as store:
        store.append(events(1, 50, size=1000))
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreFull):
            store.append(events(51, 50, size=1000))
        store.compact(["7f3"], through=50)
        store.append(events(51, 40, size=1000))
        assert revisions(store) == list(range(51, 91))


def test_what_was_compacted_is_still_so_after_reopening(path: Path) -> None:
    with closing(SqliteStore.open(path)) as store:
        store.append(events(1, 3), [ANSWER])
        store.compact(["7f3"], through=2, answers_through=1)
    with closing(SqliteStore.open(path)) as store:
        assert revisions(store) == [3]
        assert store.compacted_through() == 2
        assert store.answer("alice", "r1") is None


def test_a_disk_that_refuses_to_write_is_no_end(path: Path) -> None:
    with closing(SqliteStore.open(path)) as store:
        store.append(events(1, 3))
        with (
            file_size_limit(path.with_name(f"{STORE_FILE}-wal").stat().st_size + 5000),
            pytest.raises(StoreUnavailable, match="IOERR"),
        ):
            store.append(events(4, 100), [ANSWER])
        assert revisions(store) == [1, 2, 3]
        assert store.answer("alice", "r1") is None
        store.append(events(4, 100), [ANSWER])
    with closing(SqliteStore.open(path)) as store:
        assert revisions(store) == list(range(1, 104))


def test_another_program_that_holds_the_file_makes_it_unavailable_for_that_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rescue_server.store.sqlite._BUSY_TIMEOUT", 0.05)
    with closing(SqliteStore.open(path)) as store, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            store.append(events(1))
        other.execute("ROLLBACK")
        store.append(events(1))
        assert revisions(store) == [1]


def test_a_place_where_nothing_can_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable):
        SqliteStore.open(tmp_path / "file" / STORE_FILE)


def test_another_programs_database_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as foreign:
        foreign.execute("CREATE TABLE journal (revision INTEGER PRIMARY KEY)")
    before = path.read_bytes()
    with pytest.raises(StoreForeign, match="another program's"):
        SqliteStore.open(path)
    assert path.read_bytes() == before
    assert names(path.parent) == {STORE_FILE}


def add_a_table(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE note (text TEXT NOT NULL)")
    connection.execute("INSERT INTO note SELECT 'of ' || revision FROM journal")


def test_an_older_schema_is_brought_up_to_date(path: Path) -> None:
    with closing(SqliteStore.open(path)) as store:
        store.append(events(1, 2), [ANSWER], MARK)
    for _ in ("it is migrated", "it is up to date"):
        with closing(SqliteStore.open(path, migrations=(*MIGRATIONS, add_a_table))) as store:
            assert list(store.read()) == events(1, 2)
            assert store.answer("alice", "r1") == ANSWER
            assert store._connection.execute("SELECT text FROM note").fetchall() == [("of 1",), ("of 2",)]


def test_a_new_store_has_the_newest_schema(path: Path) -> None:
    with closing(SqliteStore.open(path, migrations=(*MIGRATIONS, add_a_table))) as store:
        assert store._connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)


def test_a_step_that_fails_leaves_the_older_schema(path: Path) -> None:
    def run_out_of_luck(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE answer")
        raise RuntimeError("out of luck")

    with closing(SqliteStore.open(path)) as store:
        store.append(events(1), [ANSWER])
    with pytest.raises(RuntimeError, match="out of luck"):
        SqliteStore.open(path, migrations=(*MIGRATIONS, add_a_table, run_out_of_luck))
    with closing(SqliteStore.open(path)) as store:
        assert store.answer("alice", "r1") == ANSWER


def test_a_step_that_loses_events_is_undone(path: Path) -> None:
    def lose_an_event(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM journal WHERE revision = 2")

    with closing(SqliteStore.open(path)) as store:
        store.append(events(1, 3))
    with pytest.raises(StoreDamaged, match="not whole between 0 and 3"):
        SqliteStore.open(path, migrations=(*MIGRATIONS, lose_an_event))
    with closing(SqliteStore.open(path)) as store:
        assert revisions(store) == [1, 2, 3]


def test_a_newer_schema_is_refused(path: Path) -> None:
    SqliteStore.open(path, migrations=(*MIGRATIONS, add_a_table)).close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew, match="newer program") as caught:
        SqliteStore.open(path)
    assert (caught.value.version, caught.value.known) == (len(MIGRATIONS) + 1, len(MIGRATIONS))
    assert path.read_bytes() == before


def test_a_backup_holds_all_that_was_stored_when_it_was_made(path: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    with closing(SqliteStore.open(path)) as store:
        store.append(events(1, 3), [ANSWER], MARK)
        store.backup(backup)
        store.append(events(4))
    assert mode(backup) == 0o600
    assert names(tmp_path) == {"backup", "data"}
    with closing(SqliteStore.open(backup)) as store:
        assert list(store.read()) == events(1, 3)
        assert store.answer("alice", "r1") == ANSWER
        assert store.clock() == MARK


def test_a_backup_replaces_nothing(path: Path, tmp_path: Path) -> None:
    precious = tmp_path / "thesis"
    precious.write_text("years of work")
    with closing(SqliteStore.open(path)) as store:
        for target in (precious, path):
            with pytest.raises(BackupExists):
                store.backup(target)
        with pytest.raises(StoreUnavailable):
            store.backup(tmp_path / "no such directory" / "backup")
    assert precious.read_text() == "years of work"


def test_a_store_in_memory_has_no_backup(tmp_path: Path) -> None:
    with pytest.raises(BackupUnsupported):
        MemoryStore().backup(tmp_path / "backup")
    assert names(tmp_path) == set()


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Limit the size of each file that this process writes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
