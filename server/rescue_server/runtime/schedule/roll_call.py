"""Roll calls: many applets are sent a probe, and their answers are taken in as they come.

After a time in which the server was away or late, applets may have given their connections up and be on their way back.
They get a grace.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterator

from rescue_server.runtime.attachments import Attachments
from rescue_server.runtime.schedule.attention import TURN, AttentiveTime

ANSWER_WITHIN = 2.0  # attentive seconds for the answer to a probe
CUT_OFF_WITHIN = 0.1  # attentive seconds for what an applet sent before its cable was cut
BACK_WITHIN = 5.0  # attentive seconds for applets to come back to a server that was away
AT_ONCE = 100  # applets to which something is done in one turn of the event loop


class RollCall:
    """Who has not answered yet. `any_sign`: a mere heartbeat counts as an answer, too."""

    def __init__(self, sessions: Collection[str], *, any_sign: bool = False) -> None:
        self.silent = set(sessions)
        self._any_sign = any_sign
        self._complete = asyncio.Event()

    def sign_of_life(self, session: str, *, answered: bool) -> bool:
        """Take in a heartbeat or an answer; return whether it was waited for. Costs the same however many are asked."""
        if session not in self.silent or not (answered or self._any_sign):
            return False
        self.silent.discard(session)
        if not self.silent:
            self._complete.set()
        return True

    async def turn(self) -> None:
        """Wait for the last answer, for a turn at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TURN):
                await self._complete.wait()


class RollCalls:
    """Those that are held now. `grace_until` is in attentive seconds."""

    def __init__(self, attachments: Attachments, attention: AttentiveTime) -> None:
        self._attachments = attachments
        self._attention = attention
        self._held: set[RollCall] = set()
        self._cut_off: set[str] = set()  # sessions whose applets cannot answer, as their computers say
        self.grace_until = 0.0

    def was_away(self) -> None:
        """The server was away, or so late that applets may think so."""
        self.grace_until = self._attention.end_turn() + BACK_WITHIN

    @property
    def in_grace(self) -> bool:
        """Whether applets may still be on their way back."""
        return self._attention.end_turn() < self.grace_until

    @property
    def are_held(self) -> bool:
        """Whether anybody waits for signs of life."""
        return bool(self._held)

    def sign_of_life(self, session: str, *, answered: bool) -> None:
        """Take in a heartbeat or an answer."""
        for roll_call in self._held:
            if roll_call.sign_of_life(session, answered=answered):
                self._attention.answer_came()

    def cable_reported(self, session: str, *, carries: bool) -> None:
        """A computer's cable was cut, or carries again: who cannot answer is not waited for."""
        (self._cut_off.discard if carries else self._cut_off.add)(session)

    async def ask(self, sessions: Collection[str]) -> set[str]:
        """Probe all of these; return those that did not answer."""
        with self._holding(RollCall(sessions)) as roll_call:
            await in_portions(sessions, self._attachments.probe)
            return await self._wait(roll_call, self._attention.end_turn() + ANSWER_WITHIN)

    async def wait_for(self, sessions: Collection[str], until: float) -> set[str]:
        """Wait for a sign of life of all of these, which were probed; return those that gave none."""
        with self._holding(RollCall(sessions, any_sign=True)) as roll_call:
            return await self._wait(roll_call, until)

    async def _wait(self, roll_call: RollCall, until: float) -> set[str]:
        cut_off_until = self._attention.end_turn() + CUT_OFF_WITHIN
        while roll_call.silent:
            # The grace may begin while the answers are waited for: the server may be late just then.
            waits_until = max(until, self.grace_until)
            if roll_call.silent <= self._cut_off:
                waits_until = min(waits_until, cut_off_until)
            if self._attention.end_turn() >= waits_until:
                break
            await roll_call.turn()
        return roll_call.silent

    @contextlib.contextmanager
    def _holding(self, roll_call: RollCall) -> Iterator[RollCall]:
        self._held.add(roll_call)
        try:
            yield roll_call
        finally:
            self._held.discard(roll_call)


async def in_portions(sessions: Collection[str], act: Callable[[str], object]) -> None:
    """Call `act` for all of these, in portions: all at once would be a long turn of the event loop."""
    for count, session in enumerate(sessions, 1):
        act(session)
        if count % AT_ONCE == 0:
            await asyncio.sleep(0)
