"""Restoring a backup: it replaces the store, and neither is lost if a step fails."""

from __future__ import annotations

import shutil
from pathlib import Path

from rescue_server.store.errors import BackupUnusable, StoreUnusable
from rescue_server.store.files import (
    STORE_FILE,
    begin_swap,
    check_header,
    finish_swap,
    make_directory,
    make_empty_file,
    sidecar,
    translate_errors,
)
from rescue_server.store.sqlite import SqliteStore


def restore(backup: Path, data_dir: Path) -> Path | None:
    """Replace the store of a data directory by the backup. The caller must hold the directory's lock.

    A copy of the backup is verified first, as a store is when it is opened. Returns the new path of the old store
    (`store.sqlite3.replaced-N`), or None if there was none. Raises BackupUnusable, StoreFull or StoreUnavailable; then
    the store is unchanged.
    """
    path = data_dir / STORE_FILE
    staged = sidecar(path, ".staged")
    with translate_errors(data_dir):
        make_directory(data_dir)
        try:
            _copy(backup, make_empty_file(staged))
            _verify(staged, backup)
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


def _verify(staged: Path, backup: Path) -> None:
    try:
        check_header(staged)  # first, because opening an empty file would make it a new store
        SqliteStore.open(staged).close()
    except StoreUnusable as error:
        raise BackupUnusable(path=backup, found=error.found) from error
