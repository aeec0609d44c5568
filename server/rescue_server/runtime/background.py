"""What runs in the background: waiting meanwhile, and tasks that nobody awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any


async def until(work: Sequence[asyncio.Future[Any]], *ends: Awaitable[Any]) -> None:
    """Wait until one of `ends` comes. Raises the error of a part of the work that fails before.

    A part may be done before: some have work only after a start. The ends that did not come are cancelled.
    """
    ending = [asyncio.ensure_future(end) for end in ends]
    watched: set[asyncio.Future[Any]] = {*ending, *work}
    try:
        while not any(end.done() for end in ending):
            done, watched = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
    finally:
        for end in ending:
            end.cancel()


class BackgroundTasks:
    """Tasks that nobody awaits. They are held here: the event loop alone would let them be collected."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def cancel(self) -> None:
        """Cancel those that run."""
        for task in tuple(self._running):
            task.cancel()
