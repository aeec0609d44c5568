"""The commands of technicians that were refused, for those who follow them. Nothing of it is kept or stored."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime

MOST_WAITING = 500
"""Commands that a follower can be behind; older ones are dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A command that was refused: `method` is its name in the contract, `at` emulated time."""

    at: datetime
    technician: str
    session: str
    method: str
    reason: str
    message: str


class _Follower:
    def __init__(self) -> None:
        self.waiting: deque[Refused] = deque(maxlen=MOST_WAITING)
        self.news = asyncio.Event()


class RefusedCommands:
    """Sends each refused command to every follower of this moment."""

    def __init__(self) -> None:
        self._followers: set[_Follower] = set()
        self._draining = False

    @property
    def is_followed(self) -> bool:
        """Whether anybody follows."""
        return bool(self._followers)

    def publish(self, refusal: Refused) -> None:
        """Send a refused command to everybody who follows."""
        for follower in self._followers:
            follower.waiting.append(refusal)
            follower.news.set()

    def drain(self) -> None:
        """End every follower: the server shuts down."""
        self._draining = True
        for follower in self._followers:
            follower.news.set()

    async def follow(self) -> AsyncGenerator[tuple[Refused, ...], None]:
        """Yield the refused commands from now on, some at a time, until the server shuts down; first of all none."""
        follower = _Follower()
        self._followers.add(follower)
        try:
            yield ()
            while not self._draining:
                follower.news.clear()
                if follower.waiting:
                    found = tuple(follower.waiting)
                    follower.waiting.clear()
                    yield found
                else:
                    await follower.news.wait()
        finally:
            self._followers.discard(follower)
