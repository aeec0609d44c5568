"""Restoring a backup: it replaces the store, and neither is lost if a step fails.

What happens after a restore is another history: the restored store gets an identity of its own, and gives out no
session number that the replaced store has given out.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from rescue_server.store.errors import BackupUnusable, StoreError, StoreUnusable
from rescue_server.store.files import (
    STORE_FILE,
    begin_swap,
    check_header,
    finish_swap,
    is_new,
    make_directory,
    make_empty_file,
    sidecar,
    translate_errors,
)
from rescue_server.store.schema import highest_session, open_read_only
from rescue_server.store.sqlite import SqliteStore

UNREAD = 100_000
"""Session numbers that are left out after those of the backup if the replaced store cannot be read."""


def restore(backup: Path, data_dir: Path) -> Path | None:
    """Replace the store of a data directory by the backup. The caller must hold the directory's lock.

    A copy of the backup is verified first, as a store is when it is opened. Returns the new path of the old store
    (`store.sqlite3.replaced-N`), or None if there was none. If the old store cannot be read, `UNREAD` session numbers
    are left out. Raises BackupUnusable, StoreFull or StoreUnavailable; then
    the store is unchanged.
    """
    path = data_dir / STORE_FILE
    staged = sidecar(path, ".staged")
    with translate_errors(data_dir):
        make_directory(data_dir)
        try:
            _copy(backup, make_empty_file(staged))
            _verify(staged, backup, last_session=_highest_session(path))
            begin_swap(staged, path)
        finally:
            for leftover in (staged, sidecar(staged, "-wal"), sidecar(staged, "-shm")):
                leftover.unlink(missing_ok=True)
        return finish_swap(path)


def _copy(backup: Path, staged: Path) -> None:
    try:
        # A backup that somebody copied from a running store has its latest appends in a -wal file.
        for suffix in ("", "-wal"):
            source = sidecar(backup, suffix)
            if not suffix or source.exists():
                sidecar(staged, suffix).touch(mode=0o600)
                with source.open("rb") as original, sidecar(staged, suffix).open("wb") as copy:
                    shutil.copyfileobj(original, copy)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise BackupUnusable(path=backup, found=f"it cannot be read: {error.strerror}") from error


def _verify(staged: Path, backup: Path, *, last_session: int | None) -> None:
    """Check the copy, and begin its own history."""
    try:
        check_header(staged)  # first, because opening an empty file would make it a new store
        with closing(SqliteStore.open(staged)) as store:
            store.begin_history(last_session=last_session or 0, left_out=UNREAD if last_session is None else 0)
    except StoreUnusable as error:
        raise BackupUnusable(path=backup, found=error.found) from error


def _highest_session(path: Path) -> int | None:
    """Return the highest session number of the store that is replaced, 0 without one; None if it cannot be read."""
    beside = [sidecar(path, suffix) for suffix in ("-wal", "-shm")]
    made = [file for file in beside if not file.exists()]  # by SQLite, even to read; nobody else has the store open
    try:
        if is_new(path):
            return 0
        with open_read_only(path) as connection:
            return highest_session(connection)
    except (StoreError, sqlite3.Error, ValueError, TypeError):
        return None  # a damaged store is a reason to restore a backup, not one to refuse it
    finally:
        for file in made:
            file.unlink(missing_ok=True)
