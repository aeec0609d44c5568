"""A damaged store is either refused or read as it was written."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rescue_server.store import (
    STORE_FILE,
    ClockMark,
    SqliteStore,
    StoreDamaged,
    StoredAnswer,
    StoredEvent,
    StoreUnusable,
)

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
PAGE = 4096
APPENDS = 12
PER_APPEND = 5
LAST = APPENDS * PER_APPEND


@dataclass(frozen=True)
class Specimen:
    """The bytes of a store: once after a close, once as a kill leaves it, with all appends in the -wal file."""

    folded: bytes
    bare: bytes
    wal: bytes
    contents: object


@pytest.fixture(scope="module")
def specimen(tmp_path_factory: pytest.TempPathFactory) -> Specimen:
    path = tmp_path_factory.mktemp("specimen") / STORE_FILE
    with closing(SqliteStore.open(path)) as store:
        for first in range(1, LAST + 1, PER_APPEND):
            store.append(
                [
                    StoredEvent(
                        revision=revision,
                        at=NOON,
                        stream=f"stream {revision % 7}",
                        # The longest bodies fill pages of their own.
                        body=b"body %d " % revision * (1200 if revision % 20 == 0 else 30),
                    )
                    for revision in range(first, first + PER_APPEND)
                ],
                [
                    StoredAnswer(
                        request_id=f"r{first}", principal="alice", fingerprint="f", revision=first, body=b"ok" * 99
                    )
                ],
                ClockMark(now=NOON, speed=float(first), paused=False),
            )
        bare, wal = path.read_bytes(), path.with_name(f"{STORE_FILE}-wal").read_bytes()
        found = contents(store)
    return Specimen(folded=path.read_bytes(), bare=bare, wal=wal, contents=found)


@pytest.fixture
def path(tmp_path: Path, specimen: Specimen) -> Path:
    """An undamaged store, which the tests damage."""
    (tmp_path / STORE_FILE).write_bytes(specimen.folded)
    return tmp_path / STORE_FILE


def contents(store: SqliteStore) -> object:
    answers = [store.answer("alice", f"r{first}") for first in range(1, LAST + 1, PER_APPEND)]
    return list(store.read()), answers, store.clock(), store.last_revision(), store.compacted_through()


def edit(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def assert_refused(path: Path, found: str) -> None:
    """The error says what was found and what to do, and the files are unchanged."""
    before = {file: file.read_bytes() for file in path.parent.iterdir() if not file.name.endswith("-shm")}
    with pytest.raises(StoreDamaged, match=found) as caught:
        SqliteStore.open(path)
    assert "rescue server --restore FILE" in str(caught.value)
    assert "move the file away" in str(caught.value)
    assert caught.value.path == path
    after = {file: file.read_bytes() for file in path.parent.iterdir() if not file.name.endswith("-shm")}
    assert {file: body for file, body in after.items() if body or file in before} == before


def test_the_specimen_is_sound(path: Path, specimen: Specimen) -> None:
    with closing(SqliteStore.open(path)) as store:
        assert contents(store) == specimen.contents


def test_garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(10 * PAGE))
    assert_refused(path, "does not begin like a SQLite database")


def test_a_few_bytes(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\x00")
    assert_refused(path, "only 16 bytes long")


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_wal_without_its_store(path: Path, specimen: Specimen, change: Callable[[Path], object]) -> None:
    path.with_name(f"{STORE_FILE}-wal").write_bytes(specimen.wal)
    change(path)
    assert_refused(path, "missing or empty, but store.sqlite3-wal is there")


def test_every_truncation(path: Path, specimen: Specimen) -> None:
    for size in (*range(PAGE, len(specimen.folded), PAGE), len(specimen.folded) - 1, PAGE + 1, 100):
        path.write_bytes(specimen.folded[:size])
        assert_refused(path, "damaged")


def test_every_page_that_is_zero(path: Path, specimen: Specimen) -> None:
    for start in range(0, len(specimen.folded), PAGE):
        path.write_bytes(specimen.folded[:start] + bytes(PAGE) + specimen.folded[start + PAGE :])
        assert_refused(path, "damaged")


def test_a_flipped_bit_in_a_body(path: Path, specimen: Specimen) -> None:
    damaged = bytearray(specimen.folded)
    damaged[damaged.index(b"body 17 body 17") + 3] ^= 1
    path.write_bytes(damaged)
    assert_refused(path, "event 17 is not what was written")


def test_a_flipped_bit_in_an_answer(path: Path, specimen: Specimen) -> None:
    damaged = bytearray(specimen.folded)
    damaged[damaged.index(b"ok" * 99) + 3] ^= 1
    path.write_bytes(damaged)
    assert_refused(path, "answer to request 'r[0-9]+' is not what was written")


def test_a_flipped_bit_in_an_index(path: Path, specimen: Specimen) -> None:
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = 'journal_by_stream'"
        (page,) = connection.execute(query).fetchone()
    damaged = bytearray(specimen.folded)
    damaged[damaged.index(b"stream 3", (page - 1) * PAGE, page * PAGE)] ^= 1
    path.write_bytes(damaged)
    assert_refused(path, "index journal_by_stream")


def test_a_flipped_bit_in_the_name_of_a_column(path: Path, specimen: Specimen) -> None:
    damaged = bytearray(specimen.folded)
    damaged[damaged.index(b"ON journal (stream)") + len("ON journal (")] ^= 0x80
    path.write_bytes(damaged)
    assert_refused(path, "damaged")


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM journal WHERE revision = 7", f"not whole between 0 and {LAST}"),
        (f"DELETE FROM journal WHERE revision = {LAST}", f"not whole between 0 and {LAST}"),
        ("DELETE FROM answer WHERE request_id = 'r6'", f"{APPENDS - 1} answers instead of {APPENDS}"),
        ("UPDATE journal SET stream = 'another' WHERE revision = 7", "event 7 is not what"),
        ("UPDATE journal SET at = at + 1 WHERE revision = 7", "event 7 is not what"),
        ("UPDATE journal SET body = 'text' WHERE revision = 7", "event 7 is not what"),
        ("UPDATE state SET compacted_through = 7", "totals are not what"),
        ("UPDATE state SET speed = 2", "totals are not what"),
        ("DELETE FROM state", "totals are not what"),
        ("DROP INDEX journal_by_stream", "tables are not those of a store"),
        ("ALTER TABLE journal ADD COLUMN more TEXT", "tables are not those of a store"),
        ("DROP TABLE journal", "tables are not those of a store"),
        ("PRAGMA user_version = 0", "no version"),
    ],
)
def test_what_another_program_did_to_it(path: Path, statement: str, found: str) -> None:
    edit(path, statement)
    assert_refused(path, found)


def test_a_row_that_is_lost_below_the_compacted_revision(path: Path) -> None:
    with closing(SqliteStore.open(path)) as store:
        store.compact(["stream 1"], through=LAST)
    edit(path, "DELETE FROM journal WHERE revision = 7")
    assert_refused(path, "events instead of")


def test_damage_that_is_met_while_reading(path: Path) -> None:
    with closing(SqliteStore.open(path)) as store:
        edit(path, "UPDATE journal SET body = x'00' WHERE revision = 7", "UPDATE answer SET body = x'00'")
        with pytest.raises(StoreDamaged, match="event 7 is not what was written"):
            list(store.read())
        with pytest.raises(StoreDamaged, match="answer to request 'r1' is not"):
            store.answer("alice", "r1")


def test_any_flipped_bit_is_found_or_does_no_harm(path: Path, specimen: Specimen) -> None:
    chance = random.Random(2026)
    places = [*range(100), *chance.sample(range(100, len(specimen.folded)), 150)]
    refused = 0
    for place in places:
        damaged = bytearray(specimen.folded)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            store = SqliteStore.open(path)
        except StoreUnusable:
            refused += 1
            continue
        with closing(store):
            assert contents(store) == specimen.contents, f"byte {place}"
    assert refused > 100


def test_a_torn_wal_holds_whole_appends_up_to_a_point(tmp_path: Path, specimen: Specimen) -> None:
    chance = random.Random(2026)
    seen = set()
    for size in (0, *chance.sample(range(len(specimen.wal)), 60), len(specimen.wal)):
        directory = tmp_path / str(size)
        directory.mkdir()
        (directory / STORE_FILE).write_bytes(specimen.bare)
        (directory / f"{STORE_FILE}-wal").write_bytes(specimen.wal[:size])
        with closing(SqliteStore.open(directory / STORE_FILE)) as store:
            count = store.last_revision()
            assert [event.revision for event in store.read()] == list(range(1, count + 1))
            assert count % PER_APPEND == 0
            assert store.answer("alice", f"r{count + 1}") is None
            store.append([StoredEvent(revision=count + 1, at=NOON, stream="on", body=b"it goes")])
        seen.add(count)
    assert {0, LAST} < seen


def test_a_damaged_store_keeps_its_wal_as_it_is(path: Path, specimen: Specimen) -> None:
    path.with_name(f"{STORE_FILE}-wal").write_bytes(specimen.wal)
    # Valid frames with an event that the store did not write: SQLite itself accepts them.
    with closing(SqliteStore.open(path)) as store:
        store._connection.execute("UPDATE journal SET body = x'00' WHERE revision = 7")
        edited = path.with_name(f"{STORE_FILE}-wal").read_bytes()
        main = path.read_bytes()
    path.write_bytes(main)
    path.with_name(f"{STORE_FILE}-wal").write_bytes(edited)
    assert_refused(path, "event 7 is not what was written")
