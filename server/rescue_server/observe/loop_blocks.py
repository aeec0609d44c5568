"""For how long the server's loop did one thing and nothing else, at most: everybody waits that long.

A callback that comes every ten milliseconds of real time measures how late it is. What the garbage collector takes of
it is measured by itself.
"""

from __future__ import annotations

import asyncio
import gc
import time

LOOK_EVERY = 0.01  # real seconds


class LoopBlocks:
    """The longest block by phase since the start, in real seconds: `any`, and what one turn spent on one thing.

    That is `garbage` collection, `publishing` what was stored, and `deadlines` that fell due or were computed again.
    """

    def __init__(self) -> None:
        self.longest = dict.fromkeys(("any", "garbage", "publishing", "deadlines"), 0.0)
        self._due = 0.0
        self._collecting_since = 0.0
        self._measuring = False

    def start(self) -> None:
        """Measure the running loop."""
        self._measuring = True
        gc.callbacks.append(self._on_collection)
        self._arm(asyncio.get_running_loop())

    def stop(self) -> None:
        """Measure no more. May be called from another thread."""
        if self._measuring:
            self._measuring = False
            gc.callbacks.remove(self._on_collection)

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + LOOK_EVERY
        loop.call_at(self._due, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._measuring:
            self.record("any", loop.time() - self._due)
            self._arm(loop)

    def _on_collection(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._collecting_since = time.perf_counter()
        else:
            self.record("garbage", time.perf_counter() - self._collecting_since)

    def record(self, phase: str, seconds: float) -> None:
        """Take in that one turn of the loop spent so long on one thing."""
        self.longest[phase] = max(self.longest[phase], seconds)
