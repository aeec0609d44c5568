"""The line of PINs that have to wait: whoever was wrong less often goes first, and then whoever came first.

As long as no allowance is used up nobody waits, and any number of PINs are judged at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import count

from rescue_server.runtime.pin_guesses import PinGuesses, too_many_wrong_pins

STAND_FOR = 1.5  # real seconds; applets give up a call after two
LONGEST_LINE = 256


@dataclass(slots=True, eq=False, kw_only=True)
class _Waiting:
    source: str
    number: int
    granted: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    has_turn: bool = False


class PinAttempts:
    """Gives turns. `now` is in real seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic, *, stand_for: float = STAND_FOR) -> None:
        self.guesses = PinGuesses()
        self.now = now
        self._stand_for = stand_for
        self._line: list[_Waiting] = []
        self._numbers = count()
        self._is_judging = False
        """Whether one of the line is being judged; the next one follows."""
        self._alarm: asyncio.TimerHandle | None = None

    @contextlib.asynccontextmanager
    async def turn(self, source: str) -> AsyncIterator[None]:
        """Wait for the turn of this source for a moment, then run the block. Raises ResourceExhausted."""
        if self.guesses.wait(source, self.now()) == 0 and self._next() is None:
            yield
            return
        waiting = self._join(source)
        try:
            try:
                async with asyncio.timeout(self._stand_for):
                    await waiting.granted
            except TimeoutError:
                # Who comes back a little early stands in the line when the next PIN is judged.
                early = self.guesses.wait(source, self.now()) - self._stand_for / 2
                raise too_many_wrong_pins(max(early, 0.2)) from None
            yield
        finally:
            self._leave(waiting)

    def _join(self, source: str) -> _Waiting:
        waiting = _Waiting(source=source, number=next(self._numbers))
        self._line.append(waiting)
        if len(self._line) > LONGEST_LINE:
            last = max(self._line, key=self._place)
            self._line.remove(last)
            refusal = too_many_wrong_pins(max(self.guesses.wait(last.source, self.now()), 1.0))
            if last is waiting:
                raise refusal
            if not last.granted.done():
                last.granted.set_exception(refusal)
        self._serve()
        return waiting

    def _leave(self, waiting: _Waiting) -> None:
        if waiting in self._line:
            self._line.remove(waiting)
        elif waiting.has_turn:
            self._is_judging = False
            self._serve()

    def _serve(self) -> None:
        """Give the next one its turn, or wake when somebody can have one."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._is_judging or not self._line:
            return
        if (chosen := self._next()) is not None:
            self._line.remove(chosen)
            self._is_judging = chosen.has_turn = True
            chosen.granted.set_result(None)
        else:
            soonest = min(self.guesses.wait(waiting.source, self.now()) for waiting in self._line)
            self._alarm = asyncio.get_running_loop().call_later(soonest, self._serve)

    def _next(self) -> _Waiting | None:
        now = self.now()
        able = (one for one in self._line if not one.granted.done() and self.guesses.wait(one.source, now) == 0)
        return min(able, key=self._place, default=None)

    def _place(self, waiting: _Waiting) -> tuple[float, int]:
        return self.guesses.remembered(waiting.source, self.now()), waiting.number
