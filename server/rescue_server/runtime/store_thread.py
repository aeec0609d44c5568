"""The store's two threads: one keeps the calls of the store in order, one reads the journal beside it.

The store blocks while it writes. Whoever reads a long journal must not hold up those who want to write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from rescue_protos.errors import OUTCOME_UNKNOWN, RescueError, StorageFull, StorageUnavailable
from rescue_server.store.errors import StoreError, StoreFull, StoreUnavailable
from rescue_server.store.protocol import Store, StoreReader

T = TypeVar("T")


class StoreThread:
    """Runs calls of one store, one after the other."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._reading_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._reader: StoreReader | None = None  # opened when somebody reads

    async def run(self, call: Callable[[], T]) -> T:
        """Run a call after those that came before it. Raises StorageUnavailable."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call)
        except StoreError as error:
            raise _unavailable(error) from error

    async def read(self, call: Callable[[StoreReader], T]) -> T:
        """Run a call of a reader, beside the calls of the store. Raises StorageUnavailable."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reading_thread, self._read, call)
        except StoreError as error:
            raise _unavailable(error) from error

    def _read(self, call: Callable[[StoreReader], T]) -> T:
        if self._reader is None:
            self._reader = self.store.reader()
        return call(self._reader)

    async def close(self) -> None:
        """Close the store and end the threads. Raises StoreError."""
        self._reading_thread.shutdown()
        if self._reader is not None:
            self._reader.close()
        await asyncio.get_running_loop().run_in_executor(self._thread, self.store.close)
        self._thread.shutdown()


def _unavailable(error: StoreError) -> RescueError:
    if isinstance(error, StoreUnavailable) and error.is_uncertain:
        return StorageUnavailable(
            "it could not be stored now, and whether it is on the disk is not known: the same request id finds out",
            reason=OUTCOME_UNKNOWN,
        )
    again = "and nothing changed; try again with the same request id"
    if isinstance(error, StoreFull):
        return StorageFull(f"there is no room left to store it, {again}")
    return StorageUnavailable(f"it could not be stored now, {again}")
