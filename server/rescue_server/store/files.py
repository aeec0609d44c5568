"""Which files a SQLite store consists of, how they come by their names, and what their failures mean.

`store.sqlite3` is the store; `-wal` beside it holds the latest appends until they are folded in. A file gets
its name only when it is whole, so half a store is never taken for one.
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
# A file that is not as this program wrote it also shows as SQL that suddenly does not fit (SQLITE_ERROR).
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR}


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite and the operating system raise about `path` into a StoreError."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a mistake of ours, not a state of the file
    except sqlite3.Error as error:
        raise _meaning(path, error) from error
    except UnicodeDecodeError as error:  # SQLite quotes a damaged name in its message
        raise StoreDamaged(path=path, found="a name in it is no text") from error
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StoreFull(path=path) from error
        raise StoreUnavailable(path=path, cause=error.strerror or str(error)) from error


def beside(path: Path, suffix: str) -> Path:
    """Return the file of that name with the suffix added."""
    return path.with_name(path.name + suffix)


def make_directory(directory: Path) -> None:
    """Make the directory, for its owner alone, if it is not there."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def fresh_file(path: Path) -> Path:
    """Make `path` an empty file that only its owner can read, with nothing of an earlier one beside it."""
    for leftover in (path, beside(path, "-wal"), beside(path, "-shm"), beside(path, "-journal")):
        leftover.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return path


def put_in_place(fresh: Path, path: Path) -> None:
    """Give a finished file its name for good, in place of one that may be there."""
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(path)
    _sync_directory(path.parent)


def is_new(path: Path) -> bool:
    """Tell whether no store was ever there. Raises StoreDamaged if it is gone, but its -wal is not."""
    if path.exists() and path.stat().st_size > 0:
        return False
    wal = beside(path, "-wal")
    if wal.exists() and wal.stat().st_size > 0:
        raise StoreDamaged(path=path, found=f"the file is missing or empty, but {wal.name} is there")
    return True


def check_header(path: Path) -> None:
    """Raise StoreDamaged or StoreForeign if the file does not begin like a store. Changes nothing.

    Looking before SQLite does keeps us from folding in the -wal of another program's database.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_SIZE)
    if len(header) < _HEADER_SIZE:
        raise StoreDamaged(path=path, found=f"it is only {len(header)} bytes long")
    if not header.startswith(_MAGIC):
        raise StoreDamaged(path=path, found="it does not begin like a SQLite database")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StoreForeign(path=path)


def begin_swap(verified: Path, path: Path) -> None:
    """Decide that the verified file is to be the store; from here on a crash does not undo it."""
    put_in_place(verified, _decided(path))


def finish_swap(path: Path) -> Path | None:
    """Put a decided file in the store's place, keeping the old one; do nothing if none was decided.

    Every step can be taken again after a crash. Returns where the old store is now, if there was one.
    """
    if not _decided(path).exists():
        return None
    aside, wal = _free_name(path), beside(path, "-wal")
    if wal.exists() and not path.exists():
        path.touch(mode=0o600)  # so that the orphan is kept under the name of a file of its own
    if kept := path.exists():
        # The old -wal belongs to the old file; left here, it would be folded into the new one.
        with contextlib.suppress(FileNotFoundError):
            wal.replace(beside(aside, "-wal"))
        path.replace(aside)
    beside(path, "-shm").unlink(missing_ok=True)
    put_in_place(_decided(path), path)
    return aside if kept else None


def _decided(path: Path) -> Path:
    return beside(path, ".restored")


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := beside(path, f".replaced-{number}")).exists():
        number += 1
    return aside


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _meaning(path: Path, error: sqlite3.Error) -> StoreError:
    # Text that is no UTF-8 is reported by Python, not by SQLite, and has no code.
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return StoreFull(path=path)
    if primary is None or primary in _DAMAGE:
        return StoreDamaged(path=path, found=str(error))
    return StoreUnavailable(path=path, cause=f"{error} ({error.sqlite_errorname})")
