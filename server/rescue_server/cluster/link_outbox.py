"""What one side of a link is still to send. It waits for nobody: who does not read loses the link, and begins anew."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Generic, TypeVar

MOST = 200_000  # messages: an edge of 100,000 applets announces each of them
Sent = TypeVar("Sent")


class Overflow(Exception):
    """The other side does not read."""


class LinkOutbox(Generic[Sent]):
    """Messages in order."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._messages: list[Sent] = []
        self._news = asyncio.Event()
        self._overflown = False

    def send(self, message: Sent) -> None:
        """Send a message after those before it."""
        if len(self._messages) == self._most:
            self._overflown = True
            self._messages.clear()
        if not self._overflown:
            self._messages.append(message)
        self._news.set()

    def wake(self) -> None:
        """Have whoever sends look at everything else that there is to send."""
        self._news.set()

    async def take(self, *, within: float) -> list[Sent]:
        """Return all messages, as soon as there are any, or none after real seconds or a wake. Raises Overflow."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._news.wait()
        self._news.clear()
        if self._overflown:
            raise Overflow
        taken, self._messages = self._messages, []
        return taken
