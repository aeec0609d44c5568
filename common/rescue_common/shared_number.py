"""A number in a small file that one program counts up and another looks at, by shared memory."""

from __future__ import annotations

import mmap
import os

MARK_SIZE, SIZE = 16, 24
"""The file begins with random bytes, by which a reader knows that it is the right one; the number follows."""


class SharedNumber:
    """Another program's number. Raises OSError and ValueError if the file is not the one with this mark."""

    def __init__(self, path: str, mark: bytes) -> None:
        file = os.open(path, os.O_RDONLY)
        try:
            self._memory = mmap.mmap(file, SIZE, prot=mmap.PROT_READ)
        finally:
            os.close(file)
        if self._memory[:MARK_SIZE] != mark:
            raise ValueError("this is another program's file")
        self._number = memoryview(self._memory)[MARK_SIZE:].cast("Q")

    @property
    def value(self) -> int:
        """The number now."""
        return self._number[0]
