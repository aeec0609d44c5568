"""Finding out that another server leads, also while this one stores nothing: it may have been stopped.

To ask the log costs an idle leader more than all else that it does. So it asks only if there may be news, and once in a
while; a leader that stores something is told by that.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rescue_server.replicated.log import Log, LogUnavailable
from rescue_server.replicated.store import ReplicatedStore

PAUSE = 0.5  # real seconds between two looks, at least
LOOK_AGAIN = 1.0  # real seconds more, without news of the log


class Confirmation:
    """Confirms that this server leads. `in_store` runs a function in the thread of the store."""

    def __init__(
        self, store: ReplicatedStore, log: Log, in_store: Callable[[Callable[[], None]], Awaitable[Any]]
    ) -> None:
        self._store = store
        self._log = log
        self._in_store = in_store

    async def run(self) -> None:
        """Look regularly, until cancelled. A store that leads no more says so to who opened it."""
        loop = asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, thread_name_prefix="confirmation")
        try:
            while True:
                written = self._store.read_to
                await asyncio.sleep(PAUSE)
                if self._store.read_to != written:
                    continue
                await loop.run_in_executor(thread, self._log.wait, written, LOOK_AGAIN)
                with contextlib.suppress(LogUnavailable):
                    # In this thread, not in the store's: the engine may be slow to answer.
                    if await loop.run_in_executor(thread, self._store.lag) > 0:  # unless this server wrote just now
                        await self._in_store(self._store.confirm)
        finally:
            thread.shutdown(wait=False)
