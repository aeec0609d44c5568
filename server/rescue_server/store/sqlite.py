"""The durable store: one SQLite file in the data directory, one writer.

An append is one transaction in the write-ahead log, synced before it returns (`synchronous=FULL`). If the process dies
during an append, the end of the log is incomplete, and SQLite drops it when the file is opened the next time.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rescue_server.store.errors import ConflictingAnswer, StoreClosed
from rescue_server.store.files import clear_leftovers, finish_swap, is_new, translate_errors
from rescue_server.store.journal_reader import JournalReader, read_events, reading
from rescue_server.store.online_backup import copy_whole
from rescue_server.store.protocol import (
    ClockMark,
    StoredAnswer,
    StoredEvent,
    StoreIdentity,
    StoreReader,
    require_next,
)
from rescue_server.store.schema import (
    ANSWER_COLUMNS,
    EVENT_COLUMNS,
    MIGRATIONS,
    Migration,
    StoreTotals,
    answer_of,
    answer_row,
    create,
    event_row,
    highest_session,
    inspect,
    migrate,
    read_identity,
    read_note,
    transaction,
    write_identity,
    write_note,
)

_BATCH = 1000
"""Events read at a time. No statement stays open between two batches, so reading does not block appends."""

_BUSY_TIMEOUT = 2.0
"""Real seconds to wait while another program has the file open."""


class SqliteStore:
    """Implements `Store` on a file. Another thread than the one that opened it can use it, but only one at a time."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Use `open` instead."""
        self.path = path
        self._connection = connection
        self._state = StoreTotals.read(connection)
        self._identity = read_identity(connection)
        self._note = read_note(connection)
        self._before_commit: Callable[[], bytes] | None = None
        self._closed = False

    @staticmethod
    def open(
        path: Path, *, migrations: Sequence[Migration] = MIGRATIONS, checked: bool = False, synced: bool = True
    ) -> SqliteStore:
        """Check each row and open the store; create it if the file is missing or empty.

        `checked` skips the checks: the caller knows that the file is as it was when a checked store was closed. Without
        `synced` the latest appends can be missing after a failure of the machine: somebody else has them.

        The caller must hold the directory's lock. An interrupted restore is completed or cleared away first, and an
        older schema is migrated. Raises StoreUnusable (damaged, foreign, too new) and leaves the file unchanged;
        StoreFull, StoreUnavailable.
        """
        with translate_errors(path):
            finish_swap(path)
            clear_leftovers(path)
            if is_new(path):
                create(path, migrations)
            if not checked:
                inspect(path, migrations)
            connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
            try:
                connection.execute("PRAGMA trusted_schema = OFF")
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
                migrate(connection, path, migrations)
                return SqliteStore(path, connection)
            except BaseException:
                connection.close()
                raise

    def read(self, after: int = 0) -> Iterator[StoredEvent]:
        """See `Store.read`. Raises StoreDamaged if an event is not what was written."""
        self._require_open()
        return self._batches(after, self._state.last_revision)

    def reader(self) -> StoreReader:
        """See `Store.reader`. Raises StoreUnavailable."""
        self._require_open()
        return JournalReader.open(self.path)

    def identity(self) -> StoreIdentity:
        """See `Store.identity`."""
        self._require_open()
        return self._identity

    def begin_history(self, *, last_session: int, left_out: int = 0) -> None:
        """Give the store a new identity: what follows differs from what followed before, though from one beginning.

        Session numbers up to `last_session` are not given out any more, nor the next `left_out` after the store's own.
        Raises StoreFull, StoreUnavailable.
        """
        self._require_open()
        earlier = max(last_session, highest_session(self._connection) + left_out)
        with self.together(lambda: b""):
            self.adopt(StoreIdentity.new(last_session=earlier))

    def adopt(self, identity: StoreIdentity) -> None:
        """Take this identity. Raises StoreFull, StoreUnavailable."""
        self._require_open()
        with self._change(self._state):
            write_identity(self._connection, identity)
        self._identity = identity

    def note(self) -> bytes:
        """Return the note that came with the last change; empty if there was none."""
        self._require_open()
        return self._note

    @contextmanager
    def together(self, before_commit: Callable[[], bytes]) -> Iterator[None]:
        """Each change inside calls this when nothing but its commit is left, and stores what it returns as the note.

        If the call raises, nothing changes.
        """
        self._before_commit = before_commit
        try:
            yield
        finally:
            self._before_commit = None

    def take_note(self) -> None:
        """Change nothing but the note, inside `together`. Raises StoreFull, StoreUnavailable."""
        self._require_open()
        with self._change(self._state):
            pass

    def last_revision(self) -> int:
        """See `Store.last_revision`."""
        self._require_open()
        return self._state.last_revision

    def append(
        self,
        events: Sequence[StoredEvent],
        answers: Sequence[StoredAnswer] = (),
        clock: ClockMark | None = None,
    ) -> None:
        """See `Store.append`. Raises StoreFull, StoreUnavailable."""
        self._require_open()
        require_next(self._state.last_revision, events)
        if not events and not answers and clock is None:
            return
        after = replace(
            self._state,
            last_revision=self._state.last_revision + len(events),
            events=self._state.events + len(events),
            answers=self._state.answers + len(answers),
            clock=clock or self._state.clock,
        )
        with self._change(after):
            self._connection.executemany(
                f"INSERT INTO journal ({EVENT_COLUMNS}) VALUES (?, ?, ?, ?, ?)", map(event_row, events)
            )
            for answer in answers:
                self._insert_answer(answer)

    def answer(self, principal: str, request_id: str) -> StoredAnswer | None:
        """See `Store.answer`. Raises StoreDamaged if the answer is not what was written."""
        self._require_open()
        with reading(self.path):
            row = self._connection.execute(
                f"SELECT {ANSWER_COLUMNS} FROM answer WHERE principal = ? AND request_id = ?",
                (principal, request_id),
            ).fetchone()
            return None if row is None else answer_of(row)

    def answered(self, after: tuple[str, str], limit: int) -> list[tuple[str, str]]:
        """See `Store.answered`."""
        self._require_open()
        with reading(self.path):
            return self._connection.execute(
                "SELECT principal, request_id FROM answer WHERE (principal, request_id) > (?, ?)"
                " ORDER BY principal, request_id LIMIT ?",
                (*after, limit),
            ).fetchall()

    def clock(self) -> ClockMark | None:
        """See `Store.clock`."""
        self._require_open()
        return self._state.clock

    def mark_clock(self, mark: ClockMark) -> None:
        """See `Store.mark_clock`. Raises StoreFull, StoreUnavailable."""
        self.append((), clock=mark)

    def compact(
        self, streams: Collection[str], *, through: int, answers_through: int = 0, spared: Collection[str] = ()
    ) -> None:
        """See `Store.compact`. Raises StoreFull, StoreUnavailable. The file keeps its size; its pages are reused."""
        self._require_open()
        which = "FROM journal WHERE stream = ? AND revision <= ?"
        note = self._note
        with translate_errors(self.path), transaction(self._connection):
            dropped, events = self._state.compacted_through, self._state.events
            for stream in streams:
                (last,) = self._connection.execute(f"SELECT max(revision) {which}", (stream, through)).fetchone()
                dropped = max(dropped, last or 0)
                events -= self._connection.execute(f"DELETE {which}", (stream, through)).rowcount
            gone = self._connection.execute(
                "DELETE FROM answer WHERE revision <= ? AND principal NOT IN (SELECT value FROM json_each(?))",
                (answers_through, json.dumps(sorted(spared))),
            )
            after = replace(
                self._state,
                compacted_through=dropped,
                events=events,
                answers=self._state.answers - gone.rowcount,
            )
            note = self._settle(after)
        self._state, self._note = after, note

    def rewrite(self, changed: Collection[StoredEvent], dropped: Collection[int]) -> None:
        """See `Store.rewrite`. Raises StoreFull, StoreUnavailable."""
        self._require_open()
        after = replace(
            self._state,
            compacted_through=max(self._state.compacted_through, *dropped, 0),
            events=self._state.events - len(frozenset(dropped)),
        )
        with self._change(after):
            gone = self._connection.execute(
                "DELETE FROM journal WHERE revision IN (SELECT value FROM json_each(?))", (json.dumps([*dropped]),)
            ).rowcount
            replaced = self._connection.executemany(
                f"UPDATE journal SET ({EVENT_COLUMNS}) = (?, ?, ?, ?, ?) WHERE revision = ?",
                [(*event_row(event), event.revision) for event in changed],
            ).rowcount
            if gone + max(replaced, 0) != len(frozenset(dropped)) + len(changed):
                raise ValueError("an event to rewrite or drop is not there")

    def compacted_through(self) -> int:
        """See `Store.compacted_through`."""
        self._require_open()
        return self._state.compacted_through

    def backup(self, target: Path) -> None:
        """See `Store.backup`. Raises StoreFull, StoreUnavailable, which then name the target."""
        self._require_open()
        copy_whole(self._connection, target)

    def close(self) -> None:
        """See `Store.close`. Moves the -wal file into the store."""
        self._closed = True
        with translate_errors(self.path):
            self._connection.close()

    def _batches(self, after: int, through: int) -> Iterator[StoredEvent]:
        while after < through:
            self._require_open()
            events = read_events(self._connection, self.path, after, through=through, limit=_BATCH)
            if not events:
                return
            yield from events
            after = events[-1].revision

    def _insert_answer(self, answer: StoredAnswer) -> None:
        try:
            self._connection.execute(
                f"INSERT INTO answer ({ANSWER_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", answer_row(answer)
            )
        except sqlite3.IntegrityError:
            raise ConflictingAnswer(principal=answer.principal, request_id=answer.request_id) from None

    @contextmanager
    def _change(self, after: StoreTotals) -> Iterator[None]:
        note = self._note
        with translate_errors(self.path), transaction(self._connection):
            yield
            note = self._settle(after)
        self._state, self._note = after, note

    def _settle(self, after: StoreTotals) -> bytes:
        """Write what goes with every change; return the note."""
        after.write(self._connection)
        if self._before_commit is None:
            return self._note
        note = self._before_commit()
        write_note(self._connection, note)
        return note

    def _require_open(self) -> None:
        if self._closed:
            raise StoreClosed
