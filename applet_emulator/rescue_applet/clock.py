"""The emulated time on the computer: the server's last reading, continued with the real clock.

The computer follows the clock without using the cable. Boot times are emulated time and pass even when the LAN is
off. Time is counted in nanoseconds on an axis of its own that starts when the computer is switched on;
before the first reading it passes as real time does.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

SECOND = 1_000_000_000  # nanoseconds
# Real seconds. A computer that was just switched on may still be about to follow the clock.
CONFIRMED_WITHIN = 1.0
FOLLOWED_WITHIN = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerReading:
    """What the server's clock showed: nanoseconds since 1970, and emulated seconds in a real one (0: it stands)."""

    at: int
    speed: float


@dataclass(slots=True, eq=False)
class ComputerBarrier:
    """A moment at which the server's clock shall stop for this computer, on the computer's own axis."""

    number: int
    due: int
    confirm: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class BarrierReleased:
    """The clock barrier of that number is over."""

    number: int


@dataclass(frozen=True, slots=True)
class OrderDone:
    """The server's order of that number is carried out."""

    number: int


@dataclass(frozen=True, slots=True)
class CableReport:
    """Whether the cable carries towards the server."""

    carries: bool


class FollowedClock:
    """The followed clock. The caller must call `update`, `confirm` and `freeze`, and send what is in `outgoing`."""

    def __init__(self, *, real: Callable[[], float] = time.monotonic) -> None:
        self.outgoing: asyncio.Queue[ComputerBarrier | BarrierReleased | OrderDone | CableReport] = asyncio.Queue()
        self.on_speed: Callable[[float], None] = lambda speed: None
        self._real = real
        self._read_at = real()
        self._then = 0
        self._speed = 1.0
        self._offset: int | None = None
        self._followed = False
        self._known = asyncio.Event()
        self._changed = asyncio.Event()
        self._barriers: dict[int, ComputerBarrier] = {}
        self._last_number = 0
        self._cable_carries = True

    @property
    def speed(self) -> float:
        """Emulated seconds in a real one; 0 while the clock stands still."""
        return self._speed

    @property
    def now(self) -> int:
        return self._then + int((self._real() - self._read_at) * self._speed * SECOND)

    @property
    def open_barriers(self) -> list[ComputerBarrier]:
        """Return the clock barriers to request again from a server that has restarted."""
        return list(self._barriers.values())

    @property
    def open_reports(self) -> list[CableReport]:
        """Return what a server that has restarted does not know of the cable."""
        return [] if self._cable_carries else [CableReport(carries=False)]

    def report_cable(self, *, carries: bool) -> None:
        """Tell the server whether the applet can reach it: an advance waits only for applets that can."""
        if carries is not self._cable_carries:
            self._cable_carries = carries
            self.outgoing.put_nowait(CableReport(carries))

    def update(self, reading: ServerReading) -> None:
        """Take in a reading of the server's clock."""
        if self._offset is None:
            self._offset = reading.at - self.now
        self._set(reading.at - self._offset, reading.speed)
        self._followed = True
        self._known.set()

    def confirm(self, number: int, due_at: int) -> None:
        """The server has confirmed a clock barrier, for this moment (nanoseconds since 1970)."""
        if barrier := self._barriers.get(number):
            barrier.due = due_at - (self._offset or 0)
            barrier.confirm.set()

    def freeze(self) -> None:
        """Stop this clock while the server is away, because the server's clock stands still meanwhile."""
        if self._followed:
            self._followed = False
            self._set(self.now, 0.0)

    async def set_barrier(self, after: timedelta) -> ComputerBarrier:
        """Request that the server's clock stops after this emulated time. Waits a short time for the confirmation."""
        within = CONFIRMED_WITHIN if self._followed else FOLLOWED_WITHIN
        until = asyncio.get_running_loop().time() + within
        # Before the first reading this clock runs, and the server's may stand still: its time cannot be used yet.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._known.wait()
        self._last_number += 1
        barrier = ComputerBarrier(self._last_number, self.now + _nanoseconds(after))
        self._barriers[barrier.number] = barrier
        self.outgoing.put_nowait(barrier)
        # Without a confirmation an advance could run past the moment. After the wait this clock's own reading must
        # do.
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await barrier.confirm.wait()
        except asyncio.CancelledError:
            self.release(barrier)
            raise
        return barrier

    def release(self, barrier: ComputerBarrier) -> None:
        """Release a clock barrier: its action is done, or not wanted any more."""
        if self._barriers.pop(barrier.number, None):
            self.outgoing.put_nowait(BarrierReleased(barrier.number))

    def order_done(self, number: int) -> None:
        """Report that an order of the server was carried out."""
        self.outgoing.put_nowait(OrderDone(number))

    async def sleep_until(self, barrier: ComputerBarrier) -> None:
        """Sleep until the clock barrier's moment, at whatever speed the clock runs."""
        while (missing := barrier.due - self.now) > 0:
            changed = self._changed
            try:
                async with asyncio.timeout(missing / SECOND / self._speed if self._speed else None):
                    await changed.wait()
            except TimeoutError:
                continue

    def _set(self, then: int, speed: float) -> None:
        faster = speed != self._speed
        self._then, self._read_at, self._speed = then, self._real(), speed
        self._changed.set()
        self._changed = asyncio.Event()
        if faster:
            self.on_speed(speed)


def _nanoseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1) * 1000
