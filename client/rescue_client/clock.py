"""The emulated clock as a client sees it: read it, move it, speed it up, let it stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from google.protobuf.duration_pb2 import Duration

from rescue_client.caller import Caller
from rescue_protos.v1 import clock_pb2, clock_pb2_grpc

if TYPE_CHECKING:
    from rescue_protos.v1.clock_pb2_grpc import ClockServiceAsyncStub

# Real seconds. A walk over hours stops at every lease of a silent applet for up to 2 s, and at appointments.
_ADVANCE_TIMEOUT = 120.0
_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """The clock at one moment: `now` is emulated time (UTC), `speed` emulated seconds in a real one."""

    now: datetime
    speed: float
    paused: bool


class ClockClient:
    """The server's clock. Every method raises CallError."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @property
    def _stub(self) -> ClockServiceAsyncStub:
        return clock_pb2_grpc.ClockServiceStub(self._caller.channel)

    async def show(self) -> ClockReading:
        """Return what the clock shows."""
        request = clock_pb2.GetClockRequest()
        answer = await self._caller.repeatedly(
            lambda metadata: self._stub.GetClock(request, metadata=metadata, timeout=_TIMEOUT)
        )
        return _reading(answer.clock)

    async def advance(self, by: timedelta) -> ClockReading:
        """Move the emulated time forward by more than nothing; returns when the effects were sent out.

        Never repeated by itself: after Unavailable it may have happened or not.
        """
        request = clock_pb2.AdvanceClockRequest(by=_duration(by))
        answer = await self._caller.once(
            lambda metadata: self._stub.AdvanceClock(
                # An answer that is lost with the server must not be asked for twice; waiting for
                # the connection, however, asks nothing.
                request,
                metadata=metadata,
                timeout=_ADVANCE_TIMEOUT,
                wait_for_ready=True,
            )
        )
        return _reading(answer.clock)

    async def set_speed(self, speed: float) -> ClockReading:
        """Let the clock run with so many emulated seconds in a real one, also if it was paused."""
        request = clock_pb2.SetClockSpeedRequest(speed=speed)
        answer = await self._caller.repeatedly(
            lambda metadata: self._stub.SetClockSpeed(request, metadata=metadata, timeout=_TIMEOUT)
        )
        return _reading(answer.clock)

    async def pause(self) -> ClockReading:
        """Let the clock stand, but for `advance`."""
        request = clock_pb2.PauseClockRequest()
        answer = await self._caller.repeatedly(
            lambda metadata: self._stub.PauseClock(request, metadata=metadata, timeout=_TIMEOUT)
        )
        return _reading(answer.clock)


def _reading(clock: clock_pb2.ClockReading) -> ClockReading:
    return ClockReading(now=clock.now.ToDatetime(tzinfo=UTC), speed=clock.speed, paused=clock.paused)


def _duration(by: timedelta) -> Duration:
    found = Duration()
    found.FromTimedelta(by)
    return found
