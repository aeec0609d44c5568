"""How many files, and so connections, the process may have open: raised as far as possible, and told when reached.

Each connection is an open file. Many systems allow 1,024 unless a program asks for more. At the limit gRPC accepts no
connection any more and says nothing, and calls of those who come time out.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import sys
from contextlib import suppress

LOOK_EVERY = 1.0  # real seconds
FEW = 2_048  # with fewer the limit is told in any case

log = logging.getLogger(__name__)


def raise_limit() -> int | None:
    """Allow as many open files as the system lets this process have; return how many. None: there is no limit."""
    if sys.platform == "win32":
        return None
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS says "unlimited" and means less
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


async def watch_limit(allowed: int | None) -> None:
    """Log the limit, and later an error whenever it is reached, until cancelled."""
    level = logging.WARNING if allowed and allowed < FEW else logging.INFO
    log.log(level, "open files: %s", f"{allowed} at most, and so somewhat fewer connections" if allowed else "no limit")
    was_reached = False
    while True:
        is_reached = _is_reached()
        if is_reached and not was_reached:
            log.error(
                "all %s files that this process may have open are open: no further connection is accepted (ulimit -n "
                "before the start, or LimitNOFILE of systemd, allows more)",
                allowed,
            )
        was_reached = is_reached
        await asyncio.sleep(LOOK_EVERY)


def _is_reached() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    return False
