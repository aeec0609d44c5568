"""A roll call: many applets were sent a probe, and their answers are taken in as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from rescue_server.runtime.schedule.attention import TURN, AttentiveTime


class RollCall:
    """Who has not answered yet. `any_sign`: a mere heartbeat counts as an answer, too."""

    def __init__(self, sessions: Iterable[str], attention: AttentiveTime, *, any_sign: bool = False) -> None:
        self.silent = set(sessions)
        self._attention = attention
        self._any_sign = any_sign
        self._complete = asyncio.Event()
        if not self.silent:
            self._complete.set()

    def sign_of_life(self, session: str, *, answered: bool) -> None:
        """Take in a heartbeat or an answer. Costs the same however many are asked."""
        if session in self.silent and (answered or self._any_sign):
            self.silent.discard(session)
            self._attention.answer_came()
            if not self.silent:
                self._complete.set()

    async def wait(self, until: float) -> set[str]:
        """Wait for all, at most until so many attentive seconds have passed. Return who has not answered."""
        while self.silent and self._attention.note() < until:
            try:
                async with asyncio.timeout(TURN):
                    await self._complete.wait()
            except TimeoutError:
                continue
        return self.silent
