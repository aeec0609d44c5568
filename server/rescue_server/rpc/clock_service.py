"""The clock's side of the contract: read it, follow it, set its speed, and hold it at clock barriers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import timedelta

from rescue_common.emulated_time import MAX_SPEED, later
from rescue_protos.errors import InvalidArgument, ResourceExhausted, ShuttingDown
from rescue_protos.v1 import clock_pb2 as pb
from rescue_protos.v1 import clock_pb2_grpc
from rescue_server.faults.injector import FaultInjector
from rescue_server.rpc import translate
from rescue_server.rpc.call_context import CallContext
from rescue_server.rpc.clock_follower import ClockFollower
from rescue_server.rpc.guard import caller
from rescue_server.rpc.sources import is_local, peer_of, source_of
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.schedule.clock_barrier import ClockBarrier
from rescue_server.runtime.schedule.timekeeper import Timekeeper

READING_INTERVAL = 1.0  # real seconds
LONGEST_ADVANCE = timedelta(days=366)
CLOCK_BARRIERS_EACH = 64


class ClockService(clock_pb2_grpc.ClockServiceServicer):
    """The clock of one engine."""

    def __init__(self, engine: Engine, timekeeper: Timekeeper, faults: FaultInjector) -> None:
        self._engine = engine
        self._faults = faults
        self._clock = engine.clock
        self._timekeeper = timekeeper
        self._draining = asyncio.Event()

    def drain(self) -> None:
        """End every follower: the server shuts down."""
        self._draining.set()

    async def GetClock(self, request: pb.GetClockRequest, context: CallContext) -> pb.GetClockResponse:
        return pb.GetClockResponse(clock=self._reading())

    async def AdvanceClock(self, request: pb.AdvanceClockRequest, context: CallContext) -> pb.AdvanceClockResponse:
        by = translate.period("by", request.by)
        if not timedelta(0) < by <= LONGEST_ADVANCE:
            raise InvalidArgument.of("by", "more than 0 and at most {days} days", days=str(LONGEST_ADVANCE.days))
        once_only = translate.request_of(caller().name, request) if request.request_id else None
        await self._timekeeper.advance(by, once_only)
        return pb.AdvanceClockResponse(clock=self._reading(), revision=self._engine.published.revision)

    async def SetClockSpeed(self, request: pb.SetClockSpeedRequest, context: CallContext) -> pb.SetClockSpeedResponse:
        if not math.isfinite(request.speed) or not 0 < request.speed <= MAX_SPEED:
            raise InvalidArgument.of("speed", "more than 0 and at most {limit}", limit=f"{MAX_SPEED:g}")
        await self._timekeeper.run_at(request.speed)
        return pb.SetClockSpeedResponse(clock=self._reading())

    async def PauseClock(self, request: pb.PauseClockRequest, context: CallContext) -> pb.PauseClockResponse:
        await self._timekeeper.pause()
        return pb.PauseClockResponse(clock=self._reading())

    async def WatchClock(
        self, request_iterator: AsyncIterator[pb.WatchClockRequest], context: CallContext
    ) -> AsyncIterator[pb.WatchClockResponse]:
        follower = ClockFollower()
        mine: dict[int, ClockBarrier] = {}
        peer = source_of(peer_of(context))
        reader = asyncio.create_task(self._listen(request_iterator, mine, follower, peer))
        reader.add_done_callback(lambda task: follower.end())
        forget = self._clock.on_change(follower.clock_changed)
        computer_of = caller().computer_of
        if computer_of:
            leave = self._faults.follow(computer_of, follower.order)
        draining = asyncio.create_task(self._draining.wait())
        draining.add_done_callback(lambda task: follower.end())
        try:
            response: pb.WatchClockResponse | None = pb.WatchClockResponse()
            while response is not None:
                response.clock.CopyFrom(self._reading())
                yield response
                response = await follower.next(READING_INTERVAL)
            if self._draining.is_set():
                raise ShuttingDown.of()
            reader.result()
        finally:
            forget()
            if computer_of:
                leave()
                self._timekeeper.cable_reported(computer_of, carries=True)
            reader.cancel()
            draining.cancel()
            for barrier in mine.values():
                self._timekeeper.barriers.release(barrier)

    async def _listen(
        self,
        requests: AsyncIterator[pb.WatchClockRequest],
        mine: dict[int, ClockBarrier],
        follower: ClockFollower,
        peer: str,
    ) -> None:
        owner = caller().computer_of or f"user {caller().name}"
        async for request in requests:
            await follower.room()
            if request.HasField("release"):
                barrier = mine.pop(request.release.number, None)
                if barrier is not None:
                    self._timekeeper.barriers.release(barrier)
            elif request.HasField("done"):
                self._faults.order_done(caller().computer_of, request.done.number)
            elif request.HasField("cable") and caller().computer_of:
                self._timekeeper.cable_reported(caller().computer_of, carries=request.cable.carries)
            elif request.HasField("barrier"):
                number = request.barrier.number
                if number in mine or number == 0:
                    raise InvalidArgument.of("number", "a number that is not in use on this stream, not 0")
                if len(mine) >= CLOCK_BARRIERS_EACH:
                    raise ResourceExhausted(f"at most {CLOCK_BARRIERS_EACH} clock barriers at a time")
                after = translate.period("after", request.barrier.after)
                due = later(self._clock.now(), max(after, timedelta(0)))
                mine[number] = self._timekeeper.barriers.add(due, owner, peer=peer, is_local=is_local(peer))
                follower.confirm(number, due)

    def _reading(self) -> pb.ClockReading:
        return translate.reading(self._clock.read())
