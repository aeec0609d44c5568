"""Roll calls: many applets are sent a probe, and their answers are taken in as they come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection

from rescue_server.runtime.attachments import Attachments
from rescue_server.runtime.schedule.attention import TURN, AttentiveTime

ANSWER_WITHIN = 2.0  # attentive seconds for the answer to a probe
PROBED_AT_ONCE = 100  # probes sent in one turn of the event loop


class RollCall:
    """Who has not answered yet. `any_sign`: a mere heartbeat counts as an answer, too."""

    def __init__(self, sessions: Collection[str], attention: AttentiveTime, *, any_sign: bool = False) -> None:
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
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TURN):
                    await self._complete.wait()
        return self.silent


class RollCalls:
    """Those that are held now. `grace_until`: applets may still be on their way back, in attentive seconds."""

    def __init__(self, attachments: Attachments, attention: AttentiveTime) -> None:
        self._attachments = attachments
        self._attention = attention
        self._held: set[RollCall] = set()
        self.grace_until = 0.0

    def sign_of_life(self, session: str, *, answered: bool) -> None:
        """Take in a heartbeat or an answer."""
        for roll_call in self._held:
            roll_call.sign_of_life(session, answered=answered)

    async def ask(self, sessions: Collection[str]) -> set[str]:
        """Probe all of these; return those that did not answer."""
        roll_call = RollCall(sessions, self._attention)
        self._held.add(roll_call)
        try:
            for count, session in enumerate(sessions, 1):
                self._attachments.probe(session)
                if count % PROBED_AT_ONCE == 0:
                    await asyncio.sleep(0)
            return await roll_call.wait(max(self._attention.note() + ANSWER_WITHIN, self.grace_until))
        finally:
            self._held.discard(roll_call)

    async def wait_for(self, sessions: Collection[str], until: float) -> set[str]:
        """Wait for a sign of life of all of these, which were probed; return those that gave none."""
        roll_call = RollCall(sessions, self._attention, any_sign=True)
        self._held.add(roll_call)
        try:
            return await roll_call.wait(max(until, self.grace_until))
        finally:
            self._held.discard(roll_call)
