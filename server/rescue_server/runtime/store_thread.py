"""The store's own thread: the store blocks while it writes, and one thread keeps its calls in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from rescue_protos.errors import RescueError, StorageFull, StorageUnavailable
from rescue_server.store.errors import StoreError, StoreFull
from rescue_server.store.protocol import Store

T = TypeVar("T")


class StoreThread:
    """Runs calls of one store, one after the other."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    async def run(self, call: Callable[[], T]) -> T:
        """Run a call after those that came before it. Raises StorageUnavailable."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call)
        except StoreError as error:
            raise _unavailable(error) from error

    async def close(self) -> None:
        """Close the store and end the thread. Raises StoreError."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self.store.close)
        self._thread.shutdown()


def _unavailable(error: StoreError) -> RescueError:
    again = "and nothing changed; try again with the same request id"
    if isinstance(error, StoreFull):
        return StorageFull(f"there is no room left to store it, {again}")
    return StorageUnavailable(f"it could not be stored now, {again}")
