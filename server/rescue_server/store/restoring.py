"""Putting a backup in the store's place, without losing either if something goes wrong on the way."""

from __future__ import annotations

import shutil
from pathlib import Path

from rescue_server.store.errors import BackupUnusable, StoreUnusable
from rescue_server.store.files import (
    STORE_FILE,
    begin_swap,
    beside,
    check_header,
    finish_swap,
    fresh_file,
    make_directory,
    translated,
)
from rescue_server.store.sqlite import SqliteStore


def restore(backup: Path, data_dir: Path) -> Path | None:
    """Make the backup the store of a data directory, whose lock the caller holds.

    A copy of the backup is verified first, as a store is on opening; only then does it take the store's place.
    Returns where the old store was put (`store.sqlite3.replaced-N`), None if there was none. Raises
    BackupUnusable, StoreFull or StoreUnavailable; then the store is as it was.
    """
    path = data_dir / STORE_FILE
    staged = beside(path, ".staged")
    with translated(data_dir):
        make_directory(data_dir)
        try:
            _copy(backup, fresh_file(staged))
            _verify(staged, backup)
            begin_swap(staged, path)
        finally:
            for leftover in (staged, beside(staged, "-wal"), beside(staged, "-shm")):
                leftover.unlink(missing_ok=True)
        return finish_swap(path)


def _copy(backup: Path, staged: Path) -> None:
    try:
        # A copy by hand of a running store comes with its latest appends beside it.
        for suffix in ("", "-wal"):
            source = beside(backup, suffix)
            if not suffix or source.exists():
                beside(staged, suffix).touch(mode=0o600)
                with source.open("rb") as given, beside(staged, suffix).open("wb") as kept:
                    shutil.copyfileobj(given, kept)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise BackupUnusable(path=backup, found=f"it cannot be read: {error.strerror}") from error


def _verify(staged: Path, backup: Path) -> None:
    try:
        check_header(staged)  # first, because opening would make a new store of an empty file
        SqliteStore.open(staged).close()
    except StoreUnusable as error:
        raise BackupUnusable(path=backup, found=error.found) from error
