"""Backups: a copy of a store at one moment, made while the server goes on writing.

SQLite's online backup reads one state of the file, even if the server appends events meanwhile. It needs no lock of the
data directory, so a backup can be made whether the server runs or not.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from rescue_server.store.errors import BackupExists, NoStore
from rescue_server.store.files import STORE_FILE, install, make_empty_file, read_only, sidecar, translate_errors
from rescue_server.store.schema import MIGRATIONS, StoreTotals, inspect

_BUSY_TIMEOUT = 10.0  # real seconds; a server may be moving its -wal file into the store


def back_up(data_dir: Path, target: Path) -> StoreTotals:
    """Write a verified copy of a data directory's store to `target`, and return its totals.

    Raises NoStore, BackupExists, StoreUnusable if the store itself is damaged, StoreFull, StoreUnavailable.
    """
    path = data_dir / STORE_FILE
    if not path.exists():
        raise NoStore(path=path)
    with translate_errors(path):
        # Read-only, so that closing the connection does not change the store's files.
        uri = read_only(path)
        if not os.access(data_dir, os.W_OK) and not sidecar(path, "-wal").exists():
            uri += "&immutable=1"  # otherwise SQLite has to write in the directory even to read
        connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT)
        with closing(connection):
            connection.execute(
                "PRAGMA schema_version"
            )  # so that a damaged store is reported by its own path, not the target's
            copy_whole(connection, target)
    with translate_errors(target), closing(sqlite3.connect(target)) as made:
        return StoreTotals.read(made)


def copy_whole(connection: sqlite3.Connection, target: Path) -> None:
    """Write a verified copy of the database to a file, whole or not at all, readable by its owner alone.

    Raises BackupExists, StoreUnusable if the copy is damaged, StoreFull, StoreUnavailable.
    """
    with translate_errors(target):
        # SQLite would take a -wal file that is left there for a part of the backup.
        if target.exists() or sidecar(target, "-wal").exists():
            raise BackupExists(path=target)
        fresh = make_empty_file(sidecar(target, f".{os.getpid()}.tmp"))
        try:
            with closing(sqlite3.connect(fresh, isolation_level=None)) as copy:
                connection.backup(copy)
            inspect(fresh, MIGRATIONS)
            install(fresh, target)
        finally:
            for leftover in (fresh, sidecar(fresh, "-wal"), sidecar(fresh, "-shm")):
                leftover.unlink(missing_ok=True)
