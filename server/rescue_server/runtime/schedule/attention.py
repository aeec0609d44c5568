"""How long the server has been able to notice an answer that arrives.

A deadline in plain real seconds blames the applet for what the server did: while the event loop is blocked, or the
process is stopped or short of processor, an answer that arrived in time lies unread. So the time that an applet gets is
counted in seconds in which the server had nothing to do but to read.
"""

from __future__ import annotations

import time
from collections.abc import Callable

TURN = 0.05  # real seconds between two looks, and the most that one turn counts
_READING = 0.1  # the part of a turn that counts while awaited answers still come in


class AttentiveTime:
    """Counts attentive seconds, turn by turn: whoever waits for an answer calls `end_turn` every TURN seconds.

    A turn never counts more than TURN, however long it took: in the rest of it the server was late. The processor time
    that the process used in it does not count: in it the server worked on what had arrived. `real` and `used` give real
    and processor seconds; tests pass their own.
    """

    def __init__(
        self, real: Callable[[], float] = time.monotonic, used: Callable[[], float] = time.process_time
    ) -> None:
        self._real, self._used = real, used
        self._began_at, self._used_before = real(), used()
        self._reading = False
        self.seconds = 0.0
        self.on_time = 0.0  # as `seconds`, but work counts as well: for waits that a busy caller must not lengthen

    def end_turn(self) -> float:
        """End a turn and begin the next one. Return the attentive seconds so far."""
        now, used = self._real(), self._used()
        turn = min(now - self._began_at, TURN)
        idle = max(0.0, turn - (used - self._used_before))
        self.on_time += turn
        self.seconds += idle * (_READING if self._reading else 1.0)
        self._began_at, self._used_before = now, used
        self._reading = False
        return self.seconds

    def answer_came(self) -> None:
        """An awaited answer came in: others that arrived with it may still be unread, so this turn counts little."""
        self._reading = True
