"""The answer of a command that is under way.

Many may wait for it, the command's own caller and those of its retries. One who gives up leaves the others waiting, and
the command goes on. A future would need a shield for that; each of both costs a turn of the event loop, and more
than what is done here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rescue_server.runtime.idempotency import Answer


class PendingAnswer:
    """An answer or an error that comes once. `on_settled` is called at once when it comes, before those who wait."""

    __slots__ = ("_answer", "_waiting", "error", "on_settled")

    def __init__(self) -> None:
        self._answer: Answer | None = None
        self.error: Exception | None = None
        self.on_settled: Callable[[], None] | None = None
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def is_settled(self) -> bool:
        """Whether it has come."""
        return self._answer is not None or self.error is not None

    def answer(self, answer: Answer) -> None:
        """This is the answer."""
        self._answer = answer
        self._settle()

    def refuse(self, error: Exception) -> None:
        """There is an error instead."""
        self.error = error
        self._settle()

    async def wait(self) -> Answer:
        """Return the answer once it is there, or raise the error."""
        if not self.is_settled:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting
        if self._answer is None:
            raise self.error or RuntimeError("a command came to an end without an answer")
        return self._answer

    def _settle(self) -> None:
        if self.on_settled is not None:
            self.on_settled()
            self.on_settled = None  # it holds this answer: what is a cycle is freed only by a look for garbage
        for waiting in self._waiting:
            if not waiting.done():  # or who waited has given up
                waiting.set_result(None)
        self._waiting.clear()
