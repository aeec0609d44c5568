"""Following the server's clock, without using the cable.

A module of its own, because importing gRPC is slow: the computer does it while its applet starts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import grpc
from google.protobuf import duration_pb2

from rescue_applet.clock import BarrierReleased, CableReport, ComputerBarrier, FollowedClock, OrderDone, ServerReading
from rescue_applet.servers import Servers
from rescue_client.channel import open_channel
from rescue_common.state_directory import NoAccess
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import LEADER
from rescue_protos.v1 import clock_pb2 as pb
from rescue_protos.v1 import clock_pb2_grpc

PAUSE = 0.3  # real seconds
# The server sends a reading every second; without one for this long it is gone, whatever the connection says.
SILENCE = 5.0  # real seconds


async def watch_clock(
    clock: FollowedClock, *, servers: Servers, session: str, ticket: str, order: Callable[[int, str], None]
) -> None:
    """Keep the clock in step with the server's, through restarts of the server, until cancelled.

    `order` is called with the number and the text of each order that a server's fault rule gives to this computer.
    """
    metadata = (("rescue-session", session), ("rescue-ticket", ticket))
    while True:
        address = leader = ""
        # The server is away or not started yet: try again.
        with contextlib.suppress(NoAccess, TimeoutError, ValueError):
            address = servers.address()
            try:
                await _watch_once(clock, address, metadata, order)
            except grpc.RpcError as error:
                leader = from_rpc_error(error).metadata.get(LEADER, "")
        servers.leave(address, named=leader)
        clock.freeze()
        await asyncio.sleep(PAUSE)


async def _watch_once(
    clock: FollowedClock, server: str, metadata: tuple[tuple[str, str], ...], order: Callable[[int, str], None]
) -> None:
    async with open_channel(server) as channel:
        call = clock_pb2_grpc.ClockServiceStub(channel).WatchClock(metadata=metadata)
        request = asyncio.create_task(_send_requests(clock, call))
        try:
            while True:
                async with asyncio.timeout(SILENCE):
                    response = await call.read()
                if not isinstance(response, pb.WatchClockResponse):
                    return
                reading = response.clock
                clock.update(
                    ServerReading(
                        at=reading.now.ToNanoseconds(),
                        speed=0.0 if reading.standing or reading.paused else reading.speed,
                    )
                )
                if response.confirmed:
                    clock.confirm(response.confirmed, response.due_at.ToNanoseconds())
                if response.HasField("order"):
                    order(response.order.number, response.order.command)
        finally:
            request.cancel()
            call.cancel()


async def _send_requests(
    clock: FollowedClock, call: grpc.aio.StreamStreamCall[pb.WatchClockRequest, pb.WatchClockResponse]
) -> None:
    while not clock.outgoing.empty():
        clock.outgoing.get_nowait()  # Meant for a connection that is gone; what is still open is sent anew.
    try:
        for report in clock.open_reports:
            await call.write(_request(clock, report))
        for barrier in clock.open_barriers:
            await call.write(_request(clock, barrier))
        while True:
            await call.write(_request(clock, await clock.outgoing.get()))
    except (grpc.RpcError, asyncio.InvalidStateError):
        return  # The reader learns how the call ended.


def _request(
    clock: FollowedClock, request: ComputerBarrier | BarrierReleased | OrderDone | CableReport
) -> pb.WatchClockRequest:
    if isinstance(request, CableReport):
        return pb.WatchClockRequest(cable=pb.CableState(carries=request.carries))
    if isinstance(request, OrderDone):
        return pb.WatchClockRequest(done=pb.ComputerOrderDone(number=request.number))
    if isinstance(request, BarrierReleased):
        return pb.WatchClockRequest(release=pb.ClockBarrierRelease(number=request.number))
    after = duration_pb2.Duration()
    after.FromNanoseconds(max(request.due - clock.now, 1))
    return pb.WatchClockRequest(barrier=pb.ClockBarrier(number=request.number, after=after))
