"""The computer's saved state: a directory that exists as long as its computer runs.

A running computer holds its directory's lock. The system releases the lock when the process ends. The next computer
that starts removes the directories without a lock, with their session tickets.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rescue_common.file_lock import lock_file

PREFIX = "rescue-computer-"


@contextlib.contextmanager
def saved_state() -> Iterator[Path]:
    """Yield a directory that only its owner can open, for the length of the block. Raises OSError."""
    _sweep(Path(tempfile.gettempdir()))
    path, lock = _make()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _make() -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX))
        with contextlib.suppress(FileNotFoundError):  # another computer removed it before it had its lock
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            lock_file(lock, wait=True)
            if path.exists():
                return path, lock
            os.close(lock)


def _sweep(place: Path) -> None:
    for path in place.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # it is another user's, no directory, locked, or gone by now
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(descriptor).st_uid == os.geteuid():
                    lock_file(descriptor)
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)
