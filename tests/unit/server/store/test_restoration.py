"""A backup replaces a store, and neither is lost if a step fails."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rescue_server.store import STORE_FILE, BackupUnusable, SqliteStore, StoredEvent, restore
from rescue_server.store.restoration import UNREAD

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


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


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A backup of three events."""
    target = tmp_path / "backup"
    with closing(SqliteStore.open(tmp_path / "elsewhere" / STORE_FILE)) as store:
        store.append(events(1, 3))
        store.backup(target)
    return target


def crash_with(path: Path, count: int) -> None:
    """Make a store of that many events, all of them still in its -wal file."""
    path.parent.mkdir(exist_ok=True)
    with closing(SqliteStore.open(path.with_name("running"))) as store:
        store.append(events(1, count))
        for suffix in ("", "-wal"):
            path.with_name(path.name + suffix).write_bytes(path.with_name(f"running{suffix}").read_bytes())
    path.with_name("running").unlink()


def test_a_restore_keeps_the_old_store_with_what_was_not_yet_folded_in(path: Path, backup: Path) -> None:
    crash_with(path, 7)
    kept = restore(backup, path.parent)
    assert kept is not None
    with closing(SqliteStore.open(path)) as restored, closing(SqliteStore.open(kept)) as old:
        assert revisions(restored) == [1, 2, 3]
        assert revisions(old) == list(range(1, 8))
    again = restore(backup, path.parent)
    assert again not in (None, kept)
    assert names(path.parent) == {STORE_FILE, kept.name, again.name if again else ""}
    assert mode(path) == 0o600


def test_a_restore_needs_no_old_store(path: Path, backup: Path) -> None:
    assert restore(backup, path.parent) is None
    with closing(SqliteStore.open(path)) as store:
        assert revisions(store) == [1, 2, 3]


def test_a_restore_takes_the_place_of_a_damaged_store(path: Path, backup: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"garbage")
    kept = restore(backup, path.parent)
    assert kept is not None
    assert kept.read_bytes() == b"garbage"
    with closing(SqliteStore.open(path)) as store:
        assert revisions(store) == [1, 2, 3]


def test_a_restore_keeps_a_wal_whose_store_is_gone(path: Path, backup: Path) -> None:
    crash_with(path, 7)
    orphan = path.with_name(f"{STORE_FILE}-wal").read_bytes()
    path.unlink()
    kept = restore(backup, path.parent)
    assert kept is not None
    assert kept.with_name(f"{kept.name}-wal").read_bytes() == orphan
    with closing(SqliteStore.open(path)) as store:
        assert revisions(store) == [1, 2, 3]


def test_a_copy_by_hand_is_restored_with_the_wal_beside_it(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    crash_with(copy, 5)
    restore(copy, path.parent)
    with closing(SqliteStore.open(path)) as store:
        assert revisions(store) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("unusable", ["missing", "empty", "directory", "garbage", "truncated", "foreign"])
def test_an_unusable_backup_leaves_the_store_as_it_was(path: Path, backup: Path, unusable: str) -> None:
    match unusable:
        case "missing":
            backup.unlink()
        case "empty":
            backup.write_bytes(b"")
        case "directory":
            backup.unlink()
            backup.mkdir()
        case "garbage":
            backup.write_bytes(b"garbage" * 1000)
        case "truncated":
            backup.write_bytes(backup.read_bytes()[:-4096])
        case "foreign":
            backup.unlink()
            with closing(sqlite3.connect(backup)) as foreign:
                foreign.execute("CREATE TABLE thesis (chapter TEXT)")
    crash_with(path, 7)
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    with pytest.raises(BackupUnusable, match="Nothing was restored") as caught:
        restore(backup, path.parent)
    assert caught.value.path == backup
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before


@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_restore_that_was_cut_short_is_completed_on_opening(path: Path, backup: Path, done: int) -> None:
    crash_with(path, 7)
    backup.replace(path.with_name(f"{STORE_FILE}.restored"))
    for suffix in ("-wal", "")[:done]:
        path.with_name(STORE_FILE + suffix).replace(path.with_name(f"{STORE_FILE}.replaced-1{suffix}"))
    with closing(SqliteStore.open(path)) as store:
        assert revisions(store) == [1, 2, 3]
    with closing(SqliteStore.open(path.with_name(f"{STORE_FILE}.replaced-1"))) as old:
        assert revisions(old) == list(range(1, 8))
    assert names(path.parent) == {STORE_FILE, f"{STORE_FILE}.replaced-1"}


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_a_restore_that_was_killed_while_it_copied_leaves_nothing_behind(path: Path, size: int) -> None:
    with closing(SqliteStore.open(path)) as store:
        store.append(events(1, 2))
    for suffix in ("", "-wal", "-shm"):
        path.with_name(f"{STORE_FILE}.staged{suffix}").write_bytes(b"x" * size)
    with closing(SqliteStore.open(path)) as store:
        assert revisions(store) == [1, 2]
    assert names(path.parent) == {STORE_FILE}


def test_a_restored_store_has_a_history_of_its_own_that_lasts(path: Path, backup: Path) -> None:
    with closing(SqliteStore.open(path)) as store:
        replaced = store.identity().history
    histories = {replaced}
    for _ in range(2):
        restore(backup, path.parent)
        with closing(SqliteStore.open(path)) as store:
            histories.add(store.identity().history)
    assert len(histories) == 3
    with closing(SqliteStore.open(path)) as store:
        assert store.identity().history in histories


@pytest.mark.parametrize("damaged", [False, True])
def test_a_restored_store_leaves_out_the_session_numbers_of_the_replaced_one(
    path: Path, backup: Path, damaged: bool
) -> None:
    with closing(SqliteStore.open(path)) as store:
        store.append([StoredEvent(revision=n + 1, at=NOON, stream=str(1000 + n), body=b"x") for n in range(5)])
    if damaged:
        path.write_bytes(path.read_bytes()[:100])
    restore(backup, path.parent)
    with closing(SqliteStore.open(path)) as store:
        assert store.identity().last_session == (7 + UNREAD if damaged else 1004)
    restore(backup, path.parent)
    with closing(SqliteStore.open(path)) as store:
        assert store.identity().last_session >= 1004
