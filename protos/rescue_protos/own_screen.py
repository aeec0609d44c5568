"""A terminal's screen that one program draws on alone.

Textual draws on stderr, where libraries and the processes that one starts write what they have to remark: in the
middle of the picture.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_MOST = 64 * 1024
_STDERR = 2


@contextmanager
def own_screen() -> Iterator[None]:
    """Leave stderr's terminal to whoever draws on `sys.__stderr__`; what others write there is shown afterwards."""
    drawn_on = sys.__stderr__
    with open(os.dup(_STDERR), "w", encoding="utf-8", errors="replace") as screen, tempfile.TemporaryFile() as remarks:
        os.dup2(remarks.fileno(), _STDERR)
        sys.__stderr__ = screen  # type: ignore[misc]  # it is Final to type checkers, and the only seam there is
        try:
            yield
        finally:
            sys.__stderr__ = drawn_on  # type: ignore[misc]
            screen.flush()
            os.dup2(screen.fileno(), _STDERR)
            remarks.seek(max(remarks.seek(0, os.SEEK_END) - _MOST, 0))
            os.write(_STDERR, remarks.read(_MOST))
