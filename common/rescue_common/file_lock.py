"""An exclusive lock on an open file. The system releases it when the process ends, however it ends.

It is the one place that knows how a system locks: what is imported for it does not exist on every system.
"""

from __future__ import annotations

import sys


def lock_file(descriptor: int, *, wait: bool = False) -> None:
    """Lock an open file; raise BlockingIOError if somebody else has it locked. With `wait`, wait until it is free."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from None
        return
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
