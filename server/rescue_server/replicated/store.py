"""The store of one of several servers: the log is the truth, and a local file is what its records made so far.

A change is first made in the local file, up to its commit, so that whatever can be wrong with it is found; then it is
appended to the log, and only then committed. Reads are local. The place in the log is committed with each change, so a
server goes on from where it was. A file that is lost is made again from the log.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from rescue_server.replicated.log import Log, LogEntry, LogError, LogTrimmed, Moved
from rescue_server.replicated.place import Place
from rescue_server.replicated.records import (
    LARGEST,
    Append,
    Begin,
    Compact,
    Fold,
    Lead,
    Reading,
    Record,
    RecordUnreadable,
    Resign,
    encode,
)
from rescue_server.store.errors import StoreError, StoreUnavailable
from rescue_server.store.protocol import ClockMark, StoredAnswer, StoredEvent, StoreIdentity, StoreReader
from rescue_server.store.sqlite import SqliteStore

READ_AT_ONCE = 256


class Deposed(StoreUnavailable):
    """This server does not lead any more: another one writes, or the log did not tell whether the change is stored."""

    def __init__(self, *, path: Path, cause: str) -> None:
        super().__init__(path=path, cause=cause, is_uncertain=True)


class LogMismatch(StoreError):
    """The log is not the one that the local file was made of, or this program does not understand it."""


class ReplicatedStore:
    """Implements `Store` on a log, and on a local store, which it owns. It stores nothing before it leads.

    `on_deposed` is called in the thread of the call that found out that it leads no more. `largest`: the
    size of an entry in bytes; a longer record is several entries.
    """

    def __init__(
        self,
        log: Log,
        local: SqliteStore,
        *,
        on_deposed: Callable[[], None] = lambda: None,
        largest: int = LARGEST,
    ) -> None:
        """Raises LogMismatch."""
        self._largest = largest
        self._log = log
        self._local = local
        self._on_deposed = on_deposed
        self._leads = False
        self.deposed_by: LogError | StoreError | None = None
        """Why it leads no more, if it did."""
        try:
            self._place = Place.of(local.note())
        except ValueError as error:
            raise LogMismatch(
                f"{local.path}: its place in the log cannot be read ({error}): remove the file"
            ) from error
        self._reading = Reading()
        self._read_to = (self._place.position, self._place.entry)

    @property
    def place(self) -> Place:
        """How far the local store has come."""
        return self._place

    @property
    def read_to(self) -> int:
        """The position of the last entry of the log that was read."""
        return self._read_to[0]

    @property
    def path(self) -> Path:
        """The local file."""
        return self._local.path

    # Following

    def catch_up(self, limit: int = READ_AT_ONCE) -> list[Record]:
        """Apply the next entries of the log, at most `limit`, and return the records that they completed.

        The end was reached if `lag` is 0. Raises LogUnavailable, LogTrimmed, LogMismatch, StoreError.
        """
        done: list[Record] = []
        for entry in self._log.read(self._read_to[0], limit):
            record = self._completed(entry)
            if isinstance(record, Begin) and record.restored:
                raise LogTrimmed(entry.position + 1)  # what the cluster began with is in its snapshot only
            if record is not None:
                self._take(record, entry.position, entry.id)
                done.append(record)
            self._read_to = (entry.position, entry.id)
        return done

    def _completed(self, entry: LogEntry) -> Record | None:
        try:
            return self._reading.add(entry.record, begins=entry.id != self._read_to[1])
        except RecordUnreadable as error:
            raise LogMismatch(
                f"record {entry.position} of the log means nothing to this program: {error}. Use the newer program that"
                " wrote it"
            ) from error

    def lag(self) -> int:
        """Return how many entries of the log were not read yet; less than 0 if it was set back.

        Raises LogUnavailable.
        """
        return self._log.tail() - self._read_to[0]

    def check(self) -> None:
        """Check that the local store was made of this log. Raises LogMismatch, LogUnavailable, LogTrimmed."""
        here, tail = self._place, self._log.tail()
        if here.position > tail or (here.position and not self._has_entry(here)):
            raise LogMismatch(
                f"the log of the cluster was set back or is another one: {self._local.path} was made of record "
                f"{here.position}, and the log ends with {tail}. Move the file away, or take another cluster name"
            )

    def _has_entry(self, place: Place) -> bool:
        try:
            (found,) = self._log.read(place.position - 1, 1)
        except LogTrimmed as error:
            if error.first > place.position + 1:
                raise
            return True
        return found.id == place.entry

    # Leading

    def begin(self, record: Begin) -> None:
        """Write the first record of the log. Raises Deposed if somebody else did."""
        self._log_and_take(record)

    def lead(self, *, server: str, address: str) -> None:
        """Become the leader after the last record that was read. Raises Deposed if that is not the last any more."""
        self._log_and_take(Lead(epoch=self._place.epoch + 1, server=server, address=address))
        self._leads = True

    def resign(self) -> None:
        """Cease to be the leader, and store nothing any more. Raises Deposed if somebody else leads."""
        self._write(Resign(epoch=self._place.epoch))
        self._leads = False

    def confirm(self) -> None:
        """Find out whether another server leads by now: who stores nothing would not notice. Raises LogUnavailable."""
        if self._leads and self.lag() > 0:
            self._depose(Moved(self._read_to[0] + 1))

    # The store

    def read(self, after: int = 0) -> Iterator[StoredEvent]:
        """See `Store.read`."""
        return self._local.read(after)

    def reader(self) -> StoreReader:
        """See `Store.reader`."""
        return self._local.reader()

    def identity(self) -> StoreIdentity:
        """See `Store.identity`."""
        return self._local.identity()

    def last_revision(self) -> int:
        """See `Store.last_revision`."""
        return self._local.last_revision()

    def append(
        self,
        events: Sequence[StoredEvent],
        answers: Sequence[StoredAnswer] = (),
        clock: ClockMark | None = None,
    ) -> None:
        """See `Store.append`. Raises Deposed."""
        self._write(Append(events=list(events), answers=list(answers), clock=clock))

    def answer(self, principal: str, request_id: str) -> StoredAnswer | None:
        """See `Store.answer`."""
        return self._local.answer(principal, request_id)

    def answered(self, after: tuple[str, str], limit: int) -> list[tuple[str, str]]:
        """See `Store.answered`."""
        return self._local.answered(after, limit)

    def clock(self) -> ClockMark | None:
        """See `Store.clock`."""
        return self._local.clock()

    def mark_clock(self, mark: ClockMark) -> None:
        """See `Store.mark_clock`. Raises Deposed."""
        self.append((), clock=mark)

    def compact(
        self, streams: Collection[str], *, through: int, answers_through: int = 0, spared: Collection[str] = ()
    ) -> None:
        """See `Store.compact`. Raises Deposed."""
        self._write(
            Compact(streams=list(streams), through=through, answers_through=answers_through, spared=list(spared))
        )

    def rewrite(self, changed: Collection[StoredEvent], dropped: Collection[int]) -> None:
        """See `Store.rewrite`. Raises Deposed."""
        self._write(Fold(changed=list(changed), dropped=list(dropped)))

    def compacted_through(self) -> int:
        """See `Store.compacted_through`."""
        return self._local.compacted_through()

    def backup(self, target: Path) -> None:
        """See `Store.backup`."""
        self._local.backup(target)

    def close(self) -> None:
        """See `Store.close`. The log stays open."""
        self._local.close()

    def _write(self, record: Record) -> None:
        """Store a change as the leader."""
        if not self._leads:
            self._local.last_revision()  # a store that is closed says so
            raise Deposed(path=self._local.path, cause="this server does not lead")
        self._log_and_take(record)

    def _log_and_take(self, record: Record) -> None:
        """Make the change in the local file, append it to the log, and commit."""
        entries, id, begin = encode(record, largest=self._largest), secrets.token_hex(8), self._read_to[0]
        is_logged = False

        def append() -> None:
            nonlocal is_logged
            for expected, entry in enumerate(entries, begin):
                self._log.append(expected, entry, id)
            is_logged = True

        position = begin + len(entries)
        try:
            self._take(record, position, id, append)
        except LogError as error:
            raise self._depose(error) from error
        except StoreError as error:
            if is_logged:  # the local file lacks what everybody else has now
                raise self._depose(error) from error
            raise
        if is_logged:
            self._read_to = (position, id)

    def _take(self, record: Record, position: int, entry: str, before: Callable[[], None] = lambda: None) -> None:
        """Make the change of a record in the local file, and stand at this position then. Calls `before` the commit."""
        after = self._place.after(record, position=position, entry=entry).encode()

        def note() -> bytes:
            before()
            return after

        with self._local.together(note):
            self._apply(record)
        self._place = Place.of(self._local.note())

    def _apply(self, record: Record) -> None:
        """Make the change of a record in the local file, with a note."""
        local = self._local
        match record:
            case Append():
                local.append(record.events, record.answers, record.clock)
            case Compact():
                local.compact(
                    record.streams,
                    through=record.through,
                    answers_through=record.answers_through,
                    spared=record.spared,
                )
            case Fold():
                local.rewrite(record.changed, record.dropped)
            case Begin():
                local.adopt(StoreIdentity(history=record.cluster, last_session=record.last_session))
            case Lead() | Resign():
                local.take_note()

    def _depose(self, error: LogError | StoreError) -> Deposed:
        if self._leads:
            self._leads, self.deposed_by = False, error
            self._on_deposed()
        return Deposed(path=self._local.path, cause=str(error))
