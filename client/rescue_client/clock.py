"""The emulated clock: read it, watch it, advance it, set its speed, pause it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import grpc
from google.protobuf.duration_pb2 import Duration

from rescue_client.connection import Connection
from rescue_client.deadlines import retry_delays
from rescue_client.decoding import moment
from rescue_client.service import ServiceClient
from rescue_protos.errors import RescueError
from rescue_protos.v1 import clock_pb2, clock_pb2_grpc

if TYPE_CHECKING:
    from rescue_protos.v1.clock_pb2_grpc import ClockServiceAsyncStub

SILENCE = 5.0
"""Real seconds. The server sends a reading every real second; after this time without one it counts as away."""

# Real seconds. An advance over hours waits up to 2 s at each lease of a silent applet, and at clock barriers.
_ADVANCE_TIMEOUT = 120.0
_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """The clock at one moment: `now` is emulated time (UTC), `speed` emulated seconds in a real second.

    `paused` is True if the clock was paused; `standing` is True if it stands still for any reason.
    """

    now: datetime
    speed: float
    paused: bool = False
    standing: bool = False

    @property
    def rate(self) -> float:
        """Emulated seconds in a real second as it runs now: 0 while it stands still."""
        return 0.0 if self.paused or self.standing else self.speed


class EmulatedClock:
    """The emulated time at any moment: the last reading, continued with the real clock.

    While the server is away its clock stands still, and so does this one.
    """

    def __init__(self, *, real: Callable[[], float] = time.monotonic) -> None:
        self._real = real
        self._read_at = 0.0
        self._last: datetime | None = None
        self._rate = 0.0

    @property
    def rate(self) -> float:
        """Emulated seconds in a real second; 0 while the clock stands still, or while the server is away."""
        return self._rate

    @property
    def now(self) -> datetime | None:
        """The emulated time; None before the first reading."""
        if self._last is None:
            return None
        return self._last + timedelta(seconds=(self._real() - self._read_at) * self._rate)

    def update(self, reading: ClockReading | None) -> None:
        """Continue from a new reading; None means that the server is away."""
        if reading is None:
            self._last, self._rate = self.now, 0.0
        else:
            self._last, self._rate = reading.now, reading.rate
        self._read_at = self._real()


class ClockClient:
    """The server's clock. Every method raises RescueError."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._service: ServiceClient[ClockServiceAsyncStub] = ServiceClient(
            connection, clock_pb2_grpc.ClockServiceStub, timeout=_TIMEOUT
        )

    async def show(self) -> ClockReading:
        """Return the current reading."""
        request = clock_pb2.GetClockRequest()
        answer = await self._service.call_idempotent(lambda stub: stub.GetClock, request)
        return _reading(answer.clock)

    async def advance(self, by: timedelta) -> ClockReading:
        """Move the emulated time forward by more than 0; return when the effects were sent to the consoles.

        While the server is away it is tried again, and happens once. After Unavailable, it may have happened or not.
        """
        request = clock_pb2.AdvanceClockRequest(by=_duration(by), request_id=str(uuid.uuid4()))
        answer = await self._service.call_idempotent(lambda stub: stub.AdvanceClock, request, timeout=_ADVANCE_TIMEOUT)
        return _reading(answer.clock)

    async def set_speed(self, speed: float) -> ClockReading:
        """Set the emulated seconds in a real second; a paused clock runs again."""
        request = clock_pb2.SetClockSpeedRequest(speed=speed)
        answer = await self._service.call_idempotent(lambda stub: stub.SetClockSpeed, request)
        return _reading(answer.clock)

    async def pause(self) -> ClockReading:
        """Stop the clock; only `advance` moves it then."""
        request = clock_pb2.PauseClockRequest()
        answer = await self._service.call_idempotent(lambda stub: stub.PauseClock, request)
        return _reading(answer.clock)

    async def watch(self) -> AsyncGenerator[ClockReading | None, None]:
        """Deliver a reading on every change and at least every real second; None when the server is lost.

        It never ends and raises no error, even if the user may not watch: close the generator.
        """
        delays = retry_delays()
        while True:
            try:
                async with self._connection.channel() as channel:
                    metadata = await channel.metadata()
                    call = channel.stub(clock_pb2_grpc.ClockServiceStub).WatchClock(metadata=metadata)
                    try:
                        while True:
                            async with asyncio.timeout(SILENCE):
                                message = await call.read()
                            if not isinstance(message, clock_pb2.WatchClockResponse):
                                break
                            delays = retry_delays()
                            yield _reading(message.clock)
                    finally:
                        call.cancel()
            except (RescueError, grpc.RpcError, TimeoutError):
                pass  # the watch of the queue finds the reason, and looks up where the server is
            yield None
            await asyncio.sleep(next(delays))


def _reading(clock: clock_pb2.ClockReading) -> ClockReading:
    return ClockReading(now=moment(clock.now), speed=clock.speed, paused=clock.paused, standing=clock.standing)


def _duration(by: timedelta) -> Duration:
    found = Duration()
    found.FromTimedelta(by)
    return found
