"""When an attached applet sends its heartbeats, and which of them the server still owes an answer.

Pure, like the attachment that it belongs to. Times are seconds of a real monotonic clock.
"""

from __future__ import annotations

from collections import deque

ANSWER_WITHIN = 2.0  # real seconds
SHORTEST_INTERVAL = 0.1  # real seconds
LONGEST_INTERVAL = 3.0  # real seconds


class Heartbeats:
    """The heartbeats of an applet, over its connections; each connection counts from 1."""

    def __init__(self) -> None:
        self.last = 0
        self._sent_at = 0.0
        self._unanswered: deque[tuple[int, float]] = deque()
        self._interval = LONGEST_INTERVAL
        self._speed = 1.0

    @property
    def next_at(self) -> float:
        """When the next one is due."""
        return self._sent_at + self._pace

    @property
    def missed_at(self) -> float | None:
        """When the answer to the oldest one is overdue; None if none is owed."""
        return self._unanswered[0][1] + ANSWER_WITHIN if self._unanswered else None

    def set_interval(self, seconds: float) -> None:
        """The server requires one in so many emulated seconds; 0 means no requirement."""
        if seconds > 0:
            self._interval = seconds

    def set_speed(self, speed: float) -> None:
        """The clock runs at this speed now: emulated seconds in a real one, 0 while it stands still."""
        self._speed = speed

    def begin(self) -> None:
        """A fresh connection is dialled."""
        self.last = 0
        self._unanswered.clear()

    def rest(self, now: float) -> None:
        """There was a sign of life just now: the next one can wait."""
        self._sent_at = now

    def beat(self, now: float, *, owed: bool = True) -> int:
        """Return the number of the heartbeat that is sent now. The server answers it, unless it is an answer to a
        probe."""
        self.last += 1
        self._sent_at = now
        if owed:
            self._unanswered.append((self.last, now))
        return self.last

    def answered(self, number: int) -> None:
        """Record that the server has answered this heartbeat, and so all before it."""
        while self._unanswered and self._unanswered[0][0] <= number:
            self._unanswered.popleft()

    def excuse(self, held_up: float) -> None:
        """Extend the time for the answers: this process was held up and could not read them."""
        self._unanswered = deque((number, sent + held_up) for number, sent in self._unanswered)

    @property
    def _pace(self) -> float:
        """Real seconds between two heartbeats."""
        if self._speed <= 0:
            return LONGEST_INTERVAL
        return min(max(self._interval / self._speed, SHORTEST_INTERVAL), LONGEST_INTERVAL)
