"""The schema of the SQLite store, its migrations, and the checks that the file is complete and unchanged.

The first N of `MIGRATIONS` make version N of the schema from an empty file; `PRAGMA user_version` is N. A released
migration never changes: a change of the schema is a new migration.

Each row has a checksum, and the row of `state` counts the rows. So a changed bit or a lost row is found. The loss of
all the newest appends together is not found, for example if somebody deletes the -wal file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zlib import crc32

from rescue_server.store.errors import StoreDamaged, StoreTooNew
from rescue_server.store.files import (
    APPLICATION_ID,
    check_header,
    install,
    make_directory,
    make_empty_file,
    read_only,
    sidecar,
)
from rescue_server.store.protocol import ClockMark, StoredAnswer, StoredEvent, StoreIdentity

Migration = Callable[[sqlite3.Connection], None]
SqlValue = int | float | str | bytes | None
SqlRow = tuple[SqlValue, ...]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _create_tables(connection: sqlite3.Connection) -> None:
    for statement in (
        """CREATE TABLE journal (
            revision INTEGER PRIMARY KEY, at INTEGER NOT NULL, stream TEXT NOT NULL, body BLOB NOT NULL,
            checksum INTEGER NOT NULL)""",
        "CREATE INDEX journal_by_stream ON journal (stream)",
        """CREATE TABLE answer (
            principal TEXT NOT NULL, request_id TEXT NOT NULL, fingerprint TEXT NOT NULL,
            revision INTEGER NOT NULL, body BLOB NOT NULL, checksum INTEGER NOT NULL,
            PRIMARY KEY (principal, request_id)) WITHOUT ROWID""",
        "CREATE INDEX answer_by_revision ON answer (revision)",
        """CREATE TABLE state (
            only INTEGER PRIMARY KEY CHECK (only = 1), last_revision INTEGER NOT NULL,
            compacted_through INTEGER NOT NULL, events INTEGER NOT NULL, answers INTEGER NOT NULL,
            now INTEGER, speed REAL, paused INTEGER, checksum INTEGER NOT NULL)""",
    ):
        connection.execute(statement)
    StoreTotals().write(connection)


def _create_identity(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE identity (
            only INTEGER PRIMARY KEY CHECK (only = 1), history TEXT NOT NULL, last_session INTEGER NOT NULL,
            checksum INTEGER NOT NULL)"""
    )
    write_identity(connection, StoreIdentity.new())


def _create_note(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE log_note (
            only INTEGER PRIMARY KEY CHECK (only = 1), body BLOB NOT NULL, checksum INTEGER NOT NULL)"""
    )


MIGRATIONS: tuple[Migration, ...] = (_create_tables, _create_identity, _create_note)

EVENT_COLUMNS = "revision, at, stream, body, checksum"
ANSWER_COLUMNS = "principal, request_id, fingerprint, revision, body, checksum"
_STATE_COLUMNS = "last_revision, compacted_through, events, answers, now, speed, paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTotals:
    """The row of `state`: how many events and answers the store holds, up to which revision, and the clock."""

    last_revision: int = 0
    compacted_through: int = 0
    events: int = 0
    answers: int = 0
    clock: ClockMark | None = None

    @staticmethod
    def read(connection: sqlite3.Connection) -> StoreTotals:
        """Read the row. Raises ValueError if it is not what was written."""
        rows = connection.execute(f"SELECT {_STATE_COLUMNS}, checksum FROM state").fetchall()
        if len(rows) != 1 or _checksum(*rows[0][:-1]) != rows[0][-1]:
            raise ValueError("its totals are not what was written")
        last, compacted, events, answers, now, speed, paused, _ = rows[0]
        clock = None if now is None else ClockMark(now=_moment(now), speed=speed, paused=bool(paused))
        return StoreTotals(last_revision=last, compacted_through=compacted, events=events, answers=answers, clock=clock)

    def write(self, connection: sqlite3.Connection) -> None:
        """Write the row."""
        clock: SqlRow = (None, None, None)
        if self.clock is not None:
            clock = (_microseconds(self.clock.now), float(self.clock.speed), int(self.clock.paused))
        row = (self.last_revision, self.compacted_through, self.events, self.answers, *clock)
        connection.execute(
            f"REPLACE INTO state (only, {_STATE_COLUMNS}, checksum) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, _checksum(*row)),
        )


def read_identity(connection: sqlite3.Connection) -> StoreIdentity:
    """Read the identity of the history. Raises ValueError if it is not what was written."""
    rows = connection.execute("SELECT history, last_session, checksum FROM identity").fetchall()
    if len(rows) != 1 or _checksum(*rows[0][:-1]) != rows[0][-1]:
        raise ValueError("the identity of its history is not what was written")
    return StoreIdentity(history=rows[0][0], last_session=rows[0][1])


def write_identity(connection: sqlite3.Connection, identity: StoreIdentity) -> None:
    """Write the identity of the history."""
    row = (identity.history, identity.last_session)
    connection.execute(
        "REPLACE INTO identity (only, history, last_session, checksum) VALUES (1, ?, ?, ?)", (*row, _checksum(*row))
    )


def read_note(connection: sqlite3.Connection) -> bytes:
    """Read the note of who keeps the store, empty without one. Raises ValueError if it is not what was written."""
    rows: list[tuple[bytes, int]] = connection.execute("SELECT body, checksum FROM log_note").fetchall()
    if any(_checksum(body=body) != checksum for body, checksum in rows):
        raise ValueError("the note of its log is not what was written")
    return rows[0][0] if rows else b""


def write_note(connection: sqlite3.Connection, body: bytes) -> None:
    """Write the note; an empty one removes it."""
    connection.execute("DELETE FROM log_note")
    if body:
        connection.execute("INSERT INTO log_note (only, body, checksum) VALUES (1, ?, ?)", (body, _checksum(body=body)))


def highest_session(connection: sqlite3.Connection) -> int:
    """Return the highest session number that a store has given out; works on a store of any version."""
    [(found,)] = connection.execute("SELECT max(CAST(stream AS INTEGER)) FROM journal").fetchall()
    has_identity = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'identity'").fetchone() is not None
    return max(int(found or 0), read_identity(connection).last_session if has_identity else 0)


def event_row(event: StoredEvent) -> SqlRow:
    """Return the event as a row of EVENT_COLUMNS."""
    at = _microseconds(event.at)
    checksum = _event_checksum(event.revision, at, event.stream, event.body)
    return (event.revision, at, event.stream, event.body, checksum)


def event_of(row: SqlRow) -> StoredEvent:
    """Return the event of a row of EVENT_COLUMNS. Raises ValueError if it is not what was written."""
    revision, at, stream, body, checksum = row
    if (
        isinstance(revision, int)
        and isinstance(at, int)
        and isinstance(stream, str)
        and isinstance(body, bytes)
        and _event_checksum(revision, at, stream, body) == checksum
    ):
        return StoredEvent(revision=revision, at=_moment(at), stream=stream, body=body)
    raise ValueError(f"event {revision!r} is not what was written")


def answer_row(answer: StoredAnswer) -> SqlRow:
    """Return the answer as a row of ANSWER_COLUMNS."""
    key = (answer.principal, answer.request_id, answer.fingerprint)
    return (*key, answer.revision, answer.body, _answer_checksum(answer))


def answer_of(row: SqlRow) -> StoredAnswer:
    """Return the answer of a row of ANSWER_COLUMNS. Raises ValueError if it is not what was written."""
    principal, request_id, fingerprint, revision, body, checksum = row
    if (
        isinstance(principal, str)
        and isinstance(request_id, str)
        and isinstance(fingerprint, str)
        and isinstance(revision, int)
        and isinstance(body, bytes)
    ):
        answer = StoredAnswer(
            principal=principal, request_id=request_id, fingerprint=fingerprint, revision=revision, body=body
        )
        if _answer_checksum(answer) == checksum:
            return answer
    raise ValueError(f"the answer to request {request_id!r} is not what was written")


def create(path: Path, migrations: Sequence[Migration]) -> None:
    """Make a new, empty store that only its owner can read, and its directory if that is missing."""
    make_directory(path.parent)
    fresh = make_empty_file(sidecar(path, ".new"))
    with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        # Set before the first write, so that the store never has another file beside it than the -wal file.
        connection.execute("PRAGMA journal_mode = WAL")
        with transaction(connection):
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            _migrate(connection, migrations, after=0)
    install(fresh, path)


def inspect(path: Path, migrations: Sequence[Migration]) -> None:
    """Check each page and row. Raises StoreDamaged, StoreForeign or StoreTooNew; changes nothing.

    The connection is read-only, so that closing it does not move the -wal file into a damaged store.
    """
    with open_read_only(path, migrations) as connection:
        version = _version(connection)
        if version < 1:
            raise StoreDamaged(path=path, found="it has no version")
        findings = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
        if findings != ["ok"]:
            raise StoreDamaged(path=path, found="; ".join(findings).replace("\n", " "))
        if version == len(migrations):
            _check_rows(connection, path, migrations)


@contextmanager
def open_read_only(path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> Iterator[sqlite3.Connection]:
    """Open a store that a server may be using. Raises StoreDamaged, StoreForeign or StoreTooNew; changes nothing."""
    check_header(path)
    with closing(sqlite3.connect(read_only(path), uri=True, isolation_level=None)) as connection:
        connection.execute("PRAGMA trusted_schema = OFF")
        version = _version(connection)
        if version > len(migrations):
            raise StoreTooNew(path=path, version=version, known=len(migrations))
        yield connection


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    """Run the migrations that the file lacks, all or none. Raises StoreDamaged if the result fails the checks."""
    version = _version(connection)
    if version < len(migrations):
        with transaction(connection):
            _migrate(connection, migrations, after=version)
            _check_rows(connection, path, migrations)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Make the changes inside durable, all or none."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")  # the rollback of an earlier transaction failed because of its disk
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _migrate(connection: sqlite3.Connection, migrations: Sequence[Migration], *, after: int) -> None:
    for migration in migrations[after:]:
        migration(connection)
    connection.execute(f"PRAGMA user_version = {len(migrations)}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _check_rows(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        _migrate(model, migrations, after=0)
        if _shape(connection) != _shape(model):
            raise StoreDamaged(path=path, found="its tables are not those of a store")
    try:
        state = StoreTotals.read(connection)
        read_identity(connection)
        read_note(connection)
        revisions = [
            event_of(row).revision
            for row in connection.execute(f"SELECT {EVENT_COLUMNS} FROM journal ORDER BY revision")
        ]
        answers = [answer_of(row).request_id for row in connection.execute(f"SELECT {ANSWER_COLUMNS} FROM answer")]
    except (ValueError, OverflowError) as error:
        raise StoreDamaged(path=path, found=str(error)) from None
    kept = [revision for revision in revisions if revision > state.compacted_through]
    if kept != list(range(state.compacted_through + 1, state.last_revision + 1)):
        found = f"the journal is not whole between {state.compacted_through} and {state.last_revision}"
        raise StoreDamaged(path=path, found=found)
    for kind, there, counted in (("events", revisions, state.events), ("answers", answers, state.answers)):
        if len(there) != counted:
            raise StoreDamaged(path=path, found=f"it has {len(there)} {kind} instead of {counted}")


def _shape(connection: sqlite3.Connection) -> list[SqlRow]:
    # Not the SQL text, which versions of SQLite may write differently when a step alters a table.
    return connection.execute(
        """SELECT m.type, m.name, c.name, c.type, c."notnull", c.pk
           FROM sqlite_schema AS m LEFT JOIN pragma_table_info(m.name) AS c ORDER BY m.name, c.cid"""
    ).fetchall()


def _event_checksum(revision: int, at: int, stream: str, body: bytes) -> int:
    return _checksum(revision, at, stream.encode(), body=body)


def _answer_checksum(answer: StoredAnswer) -> int:
    key = (answer.principal.encode(), answer.request_id.encode(), answer.fingerprint.encode())
    return _checksum(*key, answer.revision, body=answer.body)


def _checksum(*values: SqlValue, body: bytes = b"") -> int:
    # repr is different for 1, 1.0 and b"1", and it separates the values.
    return crc32(body, crc32(repr(values).encode()))


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
