"""What a cable does to the traffic at a moment: the sum of all faults in force."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from rescue_common.lan_notation import Direction

RESEND_AFTER = 0.2  # real seconds, doubled each time, as on Linux
MAX_RESENDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """`up` and `down`: whether it carries towards the server, and towards the applet.

    `delay` and `jitter` are real seconds; `loss` is the share of segments that are lost, 0 to 1. `seed` decides
    every random choice.
    """

    up: bool = True
    down: bool = True
    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    seed: int = 0

    @property
    def carries(self) -> bool:
        """Whether a connection can be made: that takes both directions."""
        return self.up and self.down

    @property
    def is_late(self) -> bool:
        """Whether anything arrives later than it might."""
        return bool(self.delay or self.loss)

    def goes(self, direction: Direction) -> bool:
        """Whether it carries that way."""
        return self.up if direction is Direction.UP else self.down

    def lateness(self, random: Random) -> float:
        """Return by how much (real seconds) the next segment is late: by the delay, and by being sent again."""
        delayed = self.delay + (random.uniform(-self.jitter, self.jitter) if self.jitter else 0.0)
        return delayed + _until_sent_through(self.loss, random)


def _until_sent_through(share: float, random: Random) -> float:
    """Return how long (real seconds) a segment is sent again and again, if this share of all segments is lost."""
    late, pause = 0.0, RESEND_AFTER
    for _ in range(MAX_RESENDS):
        if random.random() >= share:
            break
        late, pause = late + pause, pause * 2
    return late


SOUND = Condition()
