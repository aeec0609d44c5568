"""Who has the data directory: one server at a time, by a lock that the system releases if it dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from rescue_server.store.errors import DirectoryInUse
from rescue_server.store.files import make_directory, translated

LOCK_FILE = "lock"


class DirectoryLock:
    """Holds a data directory from construction to `release`; creates it (0700) if it is not there.

    Raises DirectoryInUse, which names the holder's pid; StoreUnavailable if the directory cannot be made.
    The file stays: were it removed, two servers could each lock a file of that name.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        with translated(directory):
            make_directory(directory)
            self._descriptor = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                self._take()
            except BaseException:
                os.close(self._descriptor)
                raise

    def release(self) -> None:
        """Let another server have the directory; releasing twice does no harm."""
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

    def _take(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = os.pread(self._descriptor, 32, 0).strip()
            holder = int(said) if said.isdigit() else None
            raise DirectoryInUse(directory=self.directory, pid=holder) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
