"""A follower of the clock is told where it stands, and costs bounded memory if it does not read."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from rescue_protos.v1 import clock_pb2 as pb
from rescue_server.faults.injector import ComputerOrder
from rescue_server.rpc.clock_follower import CONFIRMATIONS, ClockFollower

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
NOTHING = pb.WatchClockResponse()


async def test_ten_thousand_changes_of_the_clock_are_one_message() -> None:
    follower = ClockFollower()
    for _ in range(10_000):
        follower.clock_changed()
    assert await follower.next(3600.0) == NOTHING
    waiting = asyncio.ensure_future(follower.next(3600.0))
    await asyncio.sleep(0)
    assert not waiting.done(), "nothing is left of the others"
    follower.clock_changed()
    assert await waiting == NOTHING


async def test_confirmations_and_orders_come_in_their_order_and_none_is_swallowed_by_a_change_of_the_clock() -> None:
    follower = ClockFollower()
    follower.confirm(1, NOON)
    follower.clock_changed()
    follower.order(ComputerOrder(number=7, line="lan off"))
    follower.confirm(2, NOON)
    found = [await follower.next(3600.0) for _ in range(3)]
    assert [(one.confirmed, one.order.number) for one in found if one is not None] == [(1, 0), (0, 7), (2, 0)]


async def test_whoever_takes_no_confirmations_is_not_read_from() -> None:
    follower = ClockFollower()
    for number in range(1, CONFIRMATIONS + 1):
        await follower.room()
        follower.confirm(number, NOON)
    room = asyncio.ensure_future(follower.room())
    await asyncio.sleep(0)
    assert not room.done()
    await follower.next(3600.0)
    async with asyncio.timeout(20):
        await room


async def test_a_follower_that_ended_waits_no_longer() -> None:
    follower = ClockFollower()
    waiting = asyncio.ensure_future(follower.next(3600.0))
    await asyncio.sleep(0)
    follower.end()
    assert await waiting is None
