"""The files of a SQLite store: how they are made and replaced, and which errors their failures become.

`store.sqlite3` is the store; the `-wal` file beside it holds the latest appends until a checkpoint. A file gets its
name only when it is complete, so an incomplete store is never opened.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from rescue_server.store.errors import StoreDamaged, StoreError, StoreForeign, StoreFull, StoreUnavailable

STORE_FILE = "store.sqlite3"
APPLICATION_ID = 0x52534355
"""Marks a SQLite file as ours; it reads RSCU."""

_MAGIC = b"SQLite format 3\x00"
_HEADER_SIZE = 100
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
# If another program changed the file, its SQL can fail too (SQLITE_ERROR).
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR}


@contextlib.contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite and the operating system raise about `path` into a StoreError."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a defect of this program, not of the file
    except sqlite3.Error as error:
        raise _store_error(path, error) from error
    except UnicodeDecodeError as error:  # SQLite quotes a damaged name in its message
        raise StoreDamaged(path=path, found="a name in it is no text") from error
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StoreFull(path=path) from error
        raise StoreUnavailable(path=path, cause=error.strerror or str(error)) from error


def sidecar(path: Path, suffix: str) -> Path:
    """Return the file of that name with the suffix added."""
    return path.with_name(path.name + suffix)


def read_only(path: Path) -> str:
    """Return the URI with which SQLite opens the file and writes nothing to it."""
    return f"{path.absolute().as_uri()}?mode=ro"


def make_directory(directory: Path) -> None:
    """Make the directory, readable by its owner only, if it is missing."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def make_empty_file(path: Path) -> Path:
    """Make `path` an empty file that only its owner can read. Remove an earlier one and the files beside it."""
    for leftover in (path, sidecar(path, "-wal"), sidecar(path, "-shm"), sidecar(path, "-journal")):
        leftover.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return path


def install(fresh: Path, path: Path) -> None:
    """Rename a complete file durably to `path`, and replace the file that may be there."""
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(path)
    _sync_directory(path.parent)


def is_new(path: Path) -> bool:
    """Return whether there was never a store. Raises StoreDamaged if only its -wal file is left."""
    if path.exists() and path.stat().st_size > 0:
        return False
    wal = sidecar(path, "-wal")
    if wal.exists() and wal.stat().st_size > 0:
        raise StoreDamaged(path=path, found=f"the file is missing or empty, but {wal.name} is there")
    return True


def check_header(path: Path) -> None:
    """Raise StoreDamaged or StoreForeign if the file does not begin like a store. Changes nothing.

    This comes before SQLite opens the file, because SQLite would move a -wal file into another program's database.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_SIZE)
    if len(header) < _HEADER_SIZE:
        raise StoreDamaged(path=path, found=f"it is only {len(header)} bytes long")
    if not header.startswith(_MAGIC):
        raise StoreDamaged(path=path, found="it does not begin like a SQLite database")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StoreForeign(path=path)


def has_pending_changes(path: Path) -> bool:
    """Return whether anything beside the store will change it when it is opened: a -wal file, or a restored store."""
    wal = sidecar(path, "-wal")
    return _committed(path).exists() or (wal.exists() and wal.stat().st_size > 0)


def begin_swap(verified: Path, path: Path) -> None:
    """Commit to the verified file as the new store. A crash after this does not undo it."""
    install(verified, _committed(path))


def finish_swap(path: Path) -> Path | None:
    """Replace the store by the committed file, and keep the old store; do nothing if no file was committed.

    Each step can be repeated after a crash. Returns the new path of the old store, or None if there was none.
    """
    if not _committed(path).exists():
        return None
    aside, wal = _free_name(path), sidecar(path, "-wal")
    if wal.exists() and not path.exists():
        path.touch(mode=0o600)  # so that the lone -wal file is kept beside a store of its name
    if kept := path.exists():
        # The old -wal file belongs to the old store. If it stayed, SQLite would move it into the new one.
        with contextlib.suppress(FileNotFoundError):
            wal.replace(sidecar(aside, "-wal"))
        path.replace(aside)
    sidecar(path, "-shm").unlink(missing_ok=True)
    install(_committed(path), path)
    return aside if kept else None


def clear_leftovers(path: Path) -> None:
    """Remove what a killed process left beside the store: a copy that was not committed, an unfinished new store."""
    for name in (".staged", ".new"):
        for suffix in ("", "-wal", "-shm"):
            sidecar(path, f"{name}{suffix}").unlink(missing_ok=True)


def _committed(path: Path) -> Path:
    return sidecar(path, ".restored")


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := sidecar(path, f".replaced-{number}")).exists():
        number += 1
    return aside


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _store_error(path: Path, error: sqlite3.Error) -> StoreError:
    # Python, not SQLite, reports text that is not UTF-8; that error has no code.
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return StoreFull(path=path)
    if primary is None or primary in _DAMAGE:
        return StoreDamaged(path=path, found=str(error))
    # The write or the sync of a commit failed, and the system does not say what has reached the disk.
    is_uncertain = primary == sqlite3.SQLITE_IOERR
    return StoreUnavailable(path=path, cause=f"{error} ({error.sqlite_errorname})", is_uncertain=is_uncertain)
