"""The lock of a data directory: one server at a time. The system releases it if the server dies."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from rescue_common.file_lock import lock_file
from rescue_server.store.errors import DirectoryInUse
from rescue_server.store.files import make_directory, translate_errors

LOCK_FILE = "lock"


class DirectoryLock:
    """Locks a data directory from construction to `release`, and creates the directory (0700) if it is missing.

    Raises DirectoryInUse, which names the holder's pid; StoreUnavailable if the directory cannot be made.
    The lock file is never removed: otherwise two servers could each lock a different file of that name.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        with translate_errors(directory):
            make_directory(directory)
            self._descriptor = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                self._acquire()
            except BaseException:
                os.close(self._descriptor)
                raise

    def release(self) -> None:
        """Release the lock. A second release does nothing."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _acquire(self) -> None:
        try:
            lock_file(self._descriptor)
        except BlockingIOError:
            written = os.pread(self._descriptor, 32, 0).strip()
            holder = int(written) if written.isdigit() else None
            raise DirectoryInUse(directory=self.directory, pid=holder) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
