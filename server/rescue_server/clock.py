"""The server's emulated clock: it runs at a speed or is paused, can be held, and an advance moves it forward.

At the end of its calendar it stands for good; everything else goes on.

All periods of the emulator run on one clock. Only this module of the server reads the machine's clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from rescue_common.emulated_time import END_OF_TIME


class ClockState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The clock at one moment. `speed` is in emulated seconds per real second.

    `standing` means paused, held, or at the end of the calendar.
    """

    now: datetime
    speed: float
    paused: bool
    standing: bool


def wall_clock() -> datetime:
    """Return the machine's time (UTC). A server without stored state starts its clock with it."""
    return datetime.now(UTC)


class ServerClock:
    """The emulated clock, which starts at `start`. `monotonic` returns real seconds; tests pass their own."""

    def __init__(
        self,
        *,
        start: datetime,
        speed: float = 1.0,
        paused: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base = start
        self._speed = speed
        self._paused = paused
        self._holds = 0
        self._monotonic = monotonic
        self._since = monotonic()
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """Return the emulated time, UTC. It never goes back."""
        if self._paused or self._holds:
            return self._base
        left = (END_OF_TIME - self._base).total_seconds()
        passed = (self._monotonic() - self._since) * self._speed
        return self._base + timedelta(seconds=passed) if passed < left else max(self._base, END_OF_TIME)

    @property
    def at_end(self) -> bool:
        """Whether the clock has reached the end of its calendar."""
        return self.now() >= END_OF_TIME

    def read(self) -> ClockState:
        """Return the state of the clock now."""
        now = self.now()
        standing = bool(self._paused or self._holds) or now >= END_OF_TIME
        return ClockState(now=now, speed=self._speed, paused=self._paused, standing=standing)

    @property
    def speed(self) -> float:
        """Emulated seconds per real second while the clock runs."""
        return self._speed

    def seconds_until(self, moment: datetime) -> float | None:
        """Return the real seconds until an emulated moment; 0 if it is past, None while the clock stands.

        None also for a moment beyond the end of the calendar, which never comes.
        """
        ahead = (moment - self.now()).total_seconds()
        if ahead <= 0:
            return 0.0
        return None if self._paused or self._holds or moment > END_OF_TIME else ahead / self._speed

    def run(self, speed: float) -> None:
        """Run at this speed, 0 < speed <= MAX_SPEED."""
        self._rebase()
        self._speed, self._paused = speed, False
        self.announce()

    def pause(self) -> None:
        """Stop the clock until `run`."""
        self._rebase()
        self._paused = True
        self.announce()

    def hold(self) -> None:
        """Stop the clock until the matching `release`. Holds can nest."""
        self._rebase()
        self._holds += 1
        self.announce()

    def release(self) -> None:
        """End one hold. Time goes on from where it was held."""
        self._rebase()
        self._holds -= 1
        self.announce()

    def move_to(self, moment: datetime) -> None:
        """Move a held clock forward. A moment in the past changes nothing."""
        self._rebase()
        self._base = max(self._base, moment)

    def announce(self) -> None:
        """Call every listener: where the clock stands is news, even if it goes on as before."""
        for listener in tuple(self._listeners):
            listener()

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` whenever the clock starts, stops or changes speed. Returns a function that ends this."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _rebase(self) -> None:
        self._base, self._since = self.now(), self._monotonic()
