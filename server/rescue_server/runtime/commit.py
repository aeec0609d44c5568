"""Group commit: many results are stored in one transaction, and published once they are on the disk.

While the store writes one batch, the next one is collected. So storing a hundred commands costs about as much as
storing one. Callers that were answered together come back together: after a batch of several the next one waits for
them a moment, because many small batches cost more than the wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from rescue_protos.errors import STORAGE_ERRORS, RescueError
from rescue_server.core.queue import QueueUpdate
from rescue_server.runtime.hooks import Hooks
from rescue_server.runtime.idempotency import Answer
from rescue_server.runtime.pending_answer import PendingAnswer
from rescue_server.runtime.state import AppliedEvent
from rescue_server.runtime.store_thread import StoreThread
from rescue_server.store.protocol import ClockMark, StoredAnswer

SEVERAL = 4  # requests that one batch answered
PAUSE = 0.002  # real seconds
BATCH = 200  # results stored in one transaction, at most
PUBLISHED_AT_ONCE = 40  # of them in one turn of the event loop: a call of somebody else waits for some six turns

log = logging.getLogger(__name__)


class Staged(msgspec.Struct, kw_only=True):
    """The result of one handler, which is applied to the state ahead but not stored yet. `done` gets its answer."""

    events: list[AppliedEvent]
    updates: list[dict[str, QueueUpdate]]
    answer: Answer
    stored_answer: StoredAnswer | None
    done: PendingAnswer


class GroupCommit:
    """Stores what is staged, batch by batch, in order. `mark` returns the reading of the clock."""

    def __init__(self, store: StoreThread, mark: Callable[[], ClockMark]) -> None:
        self._store = store
        self._mark = mark
        self._staged: list[Staged] = []
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, staged: Staged) -> None:
        """Store this with the next batch."""
        self._staged.append(staged)
        self._idle.clear()
        self._work.set()

    async def run(
        self,
        publish: Callable[[Staged], None],
        refuse: Callable[[Sequence[Staged], RescueError], None],
        hooks: Hooks,
    ) -> None:
        """Store what is staged until cancelled. Calls `publish` for each result in order, or `refuse` for all."""
        expected = 0  # callers who were answered together
        while True:
            await self._work.wait()
            if expected >= SEVERAL and len(self._staged) < expected:
                await asyncio.sleep(PAUSE)
            self._work.clear()
            batch, self._staged = self._staged[:BATCH], self._staged[BATCH:]
            # That some come before or after the others does not mean that those are gone.
            expected = max(sum(staged.stored_answer is not None for staged in batch), expected // 2)
            if batch:
                await self._append(batch, publish, refuse, hooks)
            if self._staged:
                self._work.set()
                await asyncio.sleep(0)
            else:
                self._idle.set()

    async def flush(self) -> None:
        """Wait until everything staged is published or refused."""
        while self._staged or not self._idle.is_set():
            await self._idle.wait()

    async def _append(
        self,
        batch: list[Staged],
        publish: Callable[[Staged], None],
        refuse: Callable[[Sequence[Staged], RescueError], None],
        hooks: Hooks,
    ) -> None:
        events = [applied.stored() for staged in batch for applied in staged.events]
        answers = [staged.stored_answer for staged in batch if staged.stored_answer is not None]
        real_time = asyncio.get_running_loop().time
        began = real_time()
        try:
            await self._store.run(partial(self._store.store.append, events, answers, self._mark()))
        except STORAGE_ERRORS as error:
            log.error("storing failed, and all commands under way are refused: %s", error.__cause__)
            # Later results were decided on a state that is now undone: they are refused as well.
            late, self._staged = self._staged, []
            refuse([*batch, *late], error)
            return
        hooks.on_append(real_time() - began, len(events))
        for start in range(0, len(batch), PUBLISHED_AT_ONCE):
            if start:
                await asyncio.sleep(0)
            began = real_time()
            for staged in batch[start : start + PUBLISHED_AT_ONCE]:
                publish(staged)
                staged.done.answer(staged.answer)
            hooks.on_work("publishing", real_time() - began)
