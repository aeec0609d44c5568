"""The emulated time as the computer knows it: the server's last reading, carried on by the real clock.

The computer hears the clock beside the cable, because boot times are emulated time and pass whether or not the
LAN carries. Time is counted in nanoseconds on an axis of its own that starts when the computer is switched on;
before the first reading it passes as real time does.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

SECOND = 1_000_000_000
# Real seconds. A computer that was just switched on may still be about to follow the clock.
NOTED_WITHIN = 1.0
FOLLOWED_WITHIN = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the server's clock showed: nanoseconds since 1970, and emulated seconds in a real one (0: it stands)."""

    at: int
    speed: float


@dataclass(slots=True, eq=False)
class Appointment:
    """A moment at which the server's clock shall stop for this computer, on the computer's own axis."""

    number: int
    due: int
    noted: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Kept:
    """The appointment of that number is over."""

    number: int


@dataclass(frozen=True, slots=True)
class Obeyed:
    """The server's order of that number is carried out."""

    number: int


class Clock:
    """The followed clock. Whoever follows calls `heard`, `noted` and `lost_sight`, and sends what is in `to_say`."""

    def __init__(self, *, real: Callable[[], float] = time.monotonic) -> None:
        self.to_say: asyncio.Queue[Appointment | Kept | Obeyed] = asyncio.Queue()
        self.on_speed: Callable[[float], None] = lambda speed: None
        self._real = real
        self._read_at = real()
        self._then = 0
        self._speed = 1.0
        self._offset: int | None = None
        self._followed = False
        self._known = asyncio.Event()
        self._changed = asyncio.Event()
        self._appointments: dict[int, Appointment] = {}
        self._last_number = 0

    @property
    def speed(self) -> float:
        """Emulated seconds in a real one; 0 while the clock stands still."""
        return self._speed

    @property
    def now(self) -> int:
        return self._then + int((self._real() - self._read_at) * self._speed * SECOND)

    @property
    def open_appointments(self) -> list[Appointment]:
        """Those to be made again with a server that has restarted."""
        return list(self._appointments.values())

    def heard(self, reading: Reading) -> None:
        """A reading came."""
        if self._offset is None:
            self._offset = reading.at - self.now
        self._set(reading.at - self._offset, reading.speed)
        self._followed = True
        self._known.set()

    def noted(self, number: int, due_at: int) -> None:
        """The server has noted an appointment, for this moment (nanoseconds since 1970)."""
        if appointment := self._appointments.get(number):
            appointment.due = due_at - (self._offset or 0)
            appointment.noted.set()

    def lost_sight(self) -> None:
        """The server is away: its clock stands still meanwhile, so this one does too."""
        if self._followed:
            self._followed = False
            self._set(self.now, 0.0)

    async def appoint(self, after: timedelta) -> Appointment:
        """Ask the server's clock to stop after this emulated time; waits a little for its word."""
        within = NOTED_WITHIN if self._followed else FOLLOWED_WITHIN
        until = asyncio.get_running_loop().time() + within
        # Before the first reading this clock runs, and the server's may stand: what it shows is nothing to reckon from.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._known.wait()
        self._last_number += 1
        appointment = Appointment(self._last_number, self.now + _nanoseconds(after))
        self._appointments[appointment.number] = appointment
        self.to_say.put_nowait(appointment)
        # Without the server's word an advance would run past the moment; after the wait its own reckoning has to do.
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await appointment.noted.wait()
        except asyncio.CancelledError:
            self.kept(appointment)
            raise
        return appointment

    def kept(self, appointment: Appointment) -> None:
        """What was to be done at that moment is done, or is not wanted any more."""
        if self._appointments.pop(appointment.number, None):
            self.to_say.put_nowait(Kept(appointment.number))

    def obeyed(self, number: int) -> None:
        """An order of the server's is carried out."""
        self.to_say.put_nowait(Obeyed(number))

    async def reach(self, appointment: Appointment) -> None:
        """Sleep until the appointment's moment, at whatever speed the clock runs."""
        while (missing := appointment.due - self.now) > 0:
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
