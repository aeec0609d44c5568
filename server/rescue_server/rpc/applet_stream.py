"""Writing to one attached applet: answers to what it says, and orders from elsewhere, one message at a time.

gRPC refuses two writes at once. A task that waits for orders would cost every applet some kilobytes, and most applets
never get one. So whoever finds nobody writing writes: the reader of the stream, or a task that ends with the outbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from rescue_protos.errors import ShuttingDown
from rescue_protos.v1 import applet_pb2 as pb
from rescue_server.rpc.call_context import CallContext
from rescue_server.runtime import applet_orders as orders
from rescue_server.runtime.attachments import AppletConnection

_FINAL = (orders.SessionOver, orders.TakenOver)  # written, and nothing after them
Respond = Callable[[orders.Order], pb.AttachResponse]


class AppletStream:
    """The written half of one applet's stream. `respond` turns an order into the contract's message."""

    __slots__ = ("_connection", "_context", "_ended", "_error", "_life", "_respond", "_task", "_writing")

    def __init__(self, connection: AppletConnection, context: CallContext, respond: Respond) -> None:
        self._connection = connection
        self._context = context
        self._respond = respond
        self._writing = False
        self._ended = False
        self._error: Exception | None = None
        self._task: asyncio.Task[None] | None = None
        self._life: asyncio.Timeout | None = None

    async def run(self, reading: Coroutine[None, None, None]) -> None:
        """Write orders from now on, and read until the applet or an order ends the stream.

        Raises what the reading raises, and ShuttingDown if the server leaves.
        """
        try:
            async with asyncio.timeout(None) as self._life:
                self._connection.wake = self._wake
                self._wake()
                await reading
                if self._task is not None:
                    await self._task  # receipts of the last reports
        except TimeoutError:
            if not self._ended:
                raise
        finally:
            self._connection.wake = self._life = None
            reading.close()
            if self._task is not None:
                self._task.cancel()
        if self._error is not None:
            raise self._error

    async def answer(self, order: orders.Order) -> None:
        """Answer the applet. Only its reader may call this: it writes here and now unless others write or wait."""
        if self._writing or self._connection.outbox:
            self._connection.send(order)
            return
        self._writing = True
        try:
            await self._context.write(self._respond(order))
        finally:
            self._writing = False
        if self._connection.outbox:
            self._wake()

    def _wake(self) -> None:
        if self._connection.outbox and not self._writing and not self._ended:
            self._writing = True
            self._task = asyncio.create_task(self._empty_outbox())

    async def _empty_outbox(self) -> None:
        outbox = self._connection.outbox
        try:
            while outbox and not self._ended:
                order = outbox.pop(0)
                if isinstance(order, orders.ServerLeaves):
                    self._end(ShuttingDown.of())
                elif isinstance(order, orders.StreamFails):
                    self._end(order.error)
                elif isinstance(order, orders.GivenUp):
                    self._end()
                else:
                    await self._context.write(self._respond(order))
                    if isinstance(order, _FINAL):
                        self._end()
        except Exception as error:
            self._end(error)  # the reader's call raises it
        finally:
            self._writing = False
            self._task = None

    def _end(self, error: Exception | None = None) -> None:
        self._ended = True
        self._error = error
        if self._life is not None:
            self._life.reschedule(0)  # which is in the past: the reading ends now
