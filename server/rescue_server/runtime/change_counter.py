"""A number in shared memory that grows whenever something that clients see has changed.

A companion on this machine that knows the state of one number need not ask again while the number is the same. To look
costs it nothing, and it can never miss what was acknowledged: the number grows before any acknowledgement is sent.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from pathlib import Path

from rescue_common.shared_number import MARK_SIZE, SIZE
from rescue_server.runtime.state import AppliedEvent


class ChangeCounter:
    """Counts events, changes of the clock, and who watches. `path` is empty where it cannot be shared, or must not."""

    def __init__(self, *, shared: bool = True) -> None:
        with tempfile.TemporaryFile(buffering=0) as file:
            file.write(os.urandom(MARK_SIZE).ljust(SIZE, b"\0"))
            self._memory = mmap.mmap(file.fileno(), SIZE)
            descriptor = os.dup(file.fileno())  # the file has no name, and is there while it is open
        weakref.finalize(self, os.close, descriptor)
        self._number = memoryview(self._memory)[MARK_SIZE:].cast("Q")
        path = Path(f"/proc/{os.getpid()}/fd/{descriptor}")
        self.path = str(path) if shared and path.exists() else ""
        self.mark = bytes(self._memory[:MARK_SIZE])

    @property
    def value(self) -> int:
        """The number now."""
        return self._number[0]

    def set(self) -> None:
        """Something has changed."""
        self._number[0] += 1

    def on_applied(self, applied: AppliedEvent) -> None:
        """An event was published."""
        self.set()
