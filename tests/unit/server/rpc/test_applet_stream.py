"""One writer at a time, whoever it is; nothing that waits is lost when the applet says no more."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from rescue_protos.errors import ShuttingDown
from rescue_protos.v1 import applet_pb2 as pb
from rescue_server.rpc.applet_stream import AppletStream
from rescue_server.rpc.call_context import CallContext
from rescue_server.runtime import applet_orders as orders
from rescue_server.runtime.attachments import AppletConnection

PATIENCE = 10.0


class SlowNetwork:
    """Takes each message only after the loop went round, and refuses a second write meanwhile, as gRPC does."""

    def __init__(self) -> None:
        self.written: list[int] = []
        self._busy = False

    async def write(self, message: pb.AttachResponse) -> None:
        assert not self._busy, "two writes at once"
        self._busy = True
        for _ in range(3):
            await asyncio.sleep(0)
        self._busy = False
        self.written.append(message.probe.number or message.heartbeat_reply.number)


def respond(order: orders.Order) -> pb.AttachResponse:
    if isinstance(order, orders.Probe):
        return pb.AttachResponse(probe=pb.Probe(number=order.number))
    if isinstance(order, orders.HeartbeatAnswered):
        return pb.AttachResponse(heartbeat_reply=pb.HeartbeatReply(number=order.number))
    return pb.AttachResponse()


@pytest.fixture
def network() -> SlowNetwork:
    return SlowNetwork()


@pytest.fixture
def connection() -> AppletConnection:
    return AppletConnection("1001", "i", 1)


@pytest.fixture
def stream(network: SlowNetwork, connection: AppletConnection) -> AppletStream:
    return AppletStream(connection, cast("CallContext", network), respond)


async def test_what_waits_is_written_although_the_reading_is_over(
    stream: AppletStream, network: SlowNetwork, connection: AppletConnection
) -> None:
    async def reading() -> None:
        for number in range(1, 6):
            connection.send(orders.Probe(number))

    async with asyncio.timeout(PATIENCE):
        await stream.run(reading())
    assert network.written == [1, 2, 3, 4, 5]


async def test_answers_and_orders_never_write_at_once_and_keep_their_order(
    stream: AppletStream, network: SlowNetwork, connection: AppletConnection
) -> None:
    async def order() -> None:
        for number in range(100, 120):
            connection.send(orders.Probe(number))
            await asyncio.sleep(0)

    async def reading() -> None:
        ordering = asyncio.create_task(order())
        for number in range(1, 21):
            await stream.answer(orders.HeartbeatAnswered(number))
        await ordering

    async with asyncio.timeout(PATIENCE):
        await stream.run(reading())
    assert [number for number in network.written if number < 100] == list(range(1, 21))
    assert [number for number in network.written if number >= 100] == list(range(100, 120))


async def never() -> None:
    await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("last", [orders.SessionOver(), orders.TakenOver(), orders.GivenUp()])
async def test_a_last_order_ends_the_reading(
    last: orders.Order, stream: AppletStream, network: SlowNetwork, connection: AppletConnection
) -> None:
    for order in (orders.Probe(1), last, orders.Probe(2)):
        connection.send(order)
    async with asyncio.timeout(PATIENCE):
        await stream.run(never())
    assert network.written[:1] == [1]
    assert 2 not in network.written


async def test_a_server_that_leaves_ends_the_stream_with_its_error(
    stream: AppletStream, connection: AppletConnection
) -> None:
    connection.send(orders.ServerLeaves())
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(ShuttingDown):
            await stream.run(never())


async def test_a_time_out_of_the_reading_itself_is_not_taken_for_an_end(stream: AppletStream) -> None:
    async def reading() -> None:
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        await stream.run(reading())
