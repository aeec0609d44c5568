"""What is told of each request to the session server, which logs and counts it: never what came with a request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from rescue_client.api_records import HandledRequest
from rescue_protos.errors import RescueError

_TELL_AFTER = 0.2  # real seconds in which notes are collected
_MOST = 10_000  # notes; more are not kept while the session server is away

Tell = Callable[[Sequence[HandledRequest]], Awaitable[None]]


class RequestNotes:
    """Collects notes and tells them now and then; without `tell` nobody wants them. Idle, it does nothing."""

    def __init__(self, tell: Tell | None = None) -> None:
        self._tell = tell
        self._notes: list[HandledRequest] = []
        self._telling: asyncio.Task[None] | None = None

    @property
    def are_wanted(self) -> bool:
        """Whether anybody wants them."""
        return self._tell is not None

    def add(self, note: HandledRequest) -> None:
        """A request was answered."""
        if self._tell is None or len(self._notes) >= _MOST:
            return
        self._notes.append(note)
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell_later())

    async def close(self) -> None:
        """Tell what is left."""
        if self._telling is not None:
            self._telling.cancel()
        await self._tell_all()

    async def _tell_later(self) -> None:
        await asyncio.sleep(_TELL_AFTER)
        await self._tell_all()
        self._telling = asyncio.create_task(self._tell_later()) if self._notes else None

    async def _tell_all(self) -> None:
        notes, self._notes = self._notes, []
        if notes and self._tell is not None:
            with contextlib.suppress(RescueError):
                await self._tell(notes)
