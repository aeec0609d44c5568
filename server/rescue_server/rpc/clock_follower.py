"""What one follower of the clock is still to be told: bounded, also if the follower never reads."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from datetime import datetime

from rescue_protos.v1 import clock_pb2 as pb
from rescue_server.faults.injector import ComputerOrder
from rescue_server.rpc import translate

CONFIRMATIONS = 64  # that wait at the same time


class ClockFollower:
    """The messages for one follower.

    A change of the clock is a flag and no message: only where the clock stands when the follower reads on counts.
    """

    def __init__(self) -> None:
        self._messages: deque[pb.WatchClockResponse] = deque()
        self._confirmations = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._ended = False

    def clock_changed(self) -> None:
        """The clock started, stopped or changed its speed, however often."""
        self._news.set()

    def order(self, order: ComputerOrder) -> None:
        """Send an order to the computer. Fault rules are few, so orders are."""
        self._messages.append(pb.WatchClockResponse(order=pb.ComputerOrder(number=order.number, command=order.line)))
        self._news.set()

    def confirm(self, number: int, due_at: datetime) -> None:
        """Confirm a clock barrier. Whoever reads requests calls `room` before."""
        self._messages.append(pb.WatchClockResponse(confirmed=number, due_at=translate.timestamp(due_at)))
        self._confirmations += 1
        if self._confirmations >= CONFIRMATIONS:
            self._room.clear()
        self._news.set()

    async def room(self) -> None:
        """Wait until a confirmation may be added: a client that does not read is not read from."""
        await self._room.wait()

    def end(self) -> None:
        """Nothing follows."""
        self._ended = True
        self._news.set()

    async def next(self, timeout: float) -> pb.WatchClockResponse | None:
        """Return the next message, empty after a change of the clock and after the timeout; None at the end."""
        if not self._messages and not self._ended:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._news.wait()
        if self._ended:
            return None
        # Each message carries the reading of its moment, so that it covers all changes before.
        self._news.clear()
        message = self._messages.popleft() if self._messages else pb.WatchClockResponse()
        if message.confirmed:
            self._confirmations -= 1
            self._room.set()
        return message
