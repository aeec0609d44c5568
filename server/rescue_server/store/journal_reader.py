"""Reading the journal of a SQLite store, also beside the store's own connection.

In WAL mode readers do not block the writer. Events of one stream are found by the index `journal_by_stream`, which ends
with the revision, as every index of SQLite ends with the row's number.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rescue_server.store.errors import StoreDamaged
from rescue_server.store.files import read_only, translate_errors
from rescue_server.store.protocol import StoredEvent
from rescue_server.store.schema import EVENT_COLUMNS, event_of


class JournalReader:
    """Implements `StoreReader`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Use `open` instead."""
        self._path = path
        self._connection = connection

    @staticmethod
    def open(path: Path) -> JournalReader:
        """Open a store that another connection of this process has open. Raises StoreUnavailable."""
        with translate_errors(path):
            connection = sqlite3.connect(read_only(path), uri=True, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA trusted_schema = OFF")
        return JournalReader(path, connection)

    def read(self, after: int, *, through: int, limit: int, stream: str = "") -> list[StoredEvent]:
        """See `StoreReader.read`. Raises StoreDamaged if an event is not what was written."""
        return read_events(self._connection, self._path, after, through=through, limit=limit, stream=stream)

    def close(self) -> None:
        """See `StoreReader.close`."""
        self._connection.close()


def read_events(
    connection: sqlite3.Connection, path: Path, after: int, *, through: int, limit: int, stream: str = ""
) -> list[StoredEvent]:
    """Return the next events. No statement stays open afterwards. Raises StoreDamaged, StoreUnavailable."""
    only, which = ("stream = ? AND ", (stream,)) if stream else ("", ())
    with reading(path):
        rows = connection.execute(
            f"SELECT {EVENT_COLUMNS} FROM journal WHERE {only}revision > ? AND revision <= ? ORDER BY revision LIMIT ?",
            (*which, after, through, limit),
        ).fetchall()
        return [event_of(row) for row in rows]


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong inside into a StoreError: rows that are not what was written are damage."""
    with translate_errors(path):
        try:
            yield
        except ValueError as error:
            raise StoreDamaged(path=path, found=str(error)) from None
