"""The emulated time as a console shows it: the server's last reading, carried on by the real clock.

Periods are emulated time, so how long somebody waits can only be told by the server's clock. While the server is
away its clock stands still, and so does this one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import grpc

from rescue_client.connection import Connection, pauses
from rescue_client.decoding import moment
from rescue_protos.errors import RescueError
from rescue_protos.v1 import clock_pb2, clock_pb2_grpc

SILENCE = 5.0
"""The server tells the time every real second; without a word for so long it is taken to be away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """What the clock showed: emulated time (UTC), and emulated seconds in a real one; 0 while it stands."""

    now: datetime
    speed: float


class EmulatedClock:
    """The emulated time at any moment."""

    def __init__(self, *, real: Callable[[], float] = time.monotonic) -> None:
        self._real = real
        self._read_at = 0.0
        self._reading: ClockReading | None = None

    @property
    def speed(self) -> float:
        """Emulated seconds in a real one; 0 while the clock stands, or while nothing is heard of it."""
        return self._reading.speed if self._reading else 0.0

    @property
    def now(self) -> datetime | None:
        """The emulated time; None before the first reading."""
        if self._reading is None:
            return None
        return self._reading.now + timedelta(seconds=(self._real() - self._read_at) * self._reading.speed)

    def hear(self, reading: ClockReading | None) -> None:
        """A reading came; None says that the server is away."""
        if reading is None and self.now is not None:
            reading = ClockReading(now=self.now, speed=0.0)
        self._reading, self._read_at = reading, self._real()


async def follow(connection: Connection) -> AsyncGenerator[ClockReading | None, None]:
    """Deliver a reading on every change and at least every real second; None when the server is lost.

    An async generator without end, so close it. Needs somebody else to notice that the technician may not come in.
    """
    pause = pauses()
    while True:
        try:
            async with connection.dialled() as dial:
                metadata = await dial.signed_in.metadata()
                call = clock_pb2_grpc.ClockServiceStub(dial.channel).WatchClock(metadata=metadata)
                try:
                    while True:
                        async with asyncio.timeout(SILENCE):
                            message = await call.read()
                        if not isinstance(message, clock_pb2.WatchClockResponse):
                            break
                        pause = pauses()
                        clock = message.clock
                        stands = clock.standing or clock.paused
                        yield ClockReading(now=moment(clock.now), speed=0.0 if stands else clock.speed)
                finally:
                    call.cancel()
        except (RescueError, grpc.RpcError, TimeoutError):
            pass  # whoever watches the queue finds out why, and looks where the server is now
        yield None
        await asyncio.sleep(next(pause))
