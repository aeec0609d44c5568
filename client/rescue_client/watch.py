"""A watch of the queue that survives broken streams and restarts of the server: no update is lost or comes twice.

Each stream asks for the updates after the last revision delivered, and drops an update that is not newer. If the
server no longer has those updates, or if a restored backup has begun another history, it sends a snapshot. A watch ends
only if the technician may not watch at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import aclosing
from dataclasses import replace

import grpc

from rescue_client import decoding
from rescue_client.channel import SignedInChannel
from rescue_client.connection import Connection
from rescue_client.deadlines import retry_delays
from rescue_client.records import Bookmark, Delta, ServerBack, ServerLost, Snapshot, Update
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import InvalidArgument, PermissionDenied, RescueError, Unauthenticated
from rescue_protos.v1 import console_pb2, console_pb2_grpc


class WatchProgress:
    """What a watch has delivered, for calls that wait for it.

    `delivered` is the last revision that the reader has processed, in the history `history`. `streams` counts the
    streams that the watch has had. `is_up` says whether it has one now.
    """

    def __init__(self) -> None:
        self.delivered = -1
        self.history = ""
        self.streams = 0
        self.is_up = False
        self.is_running = False
        self._changed = asyncio.Event()

    def record(
        self,
        *,
        delivered: int | None = None,
        history: str | None = None,
        is_up: bool | None = None,
        is_running: bool | None = None,
    ) -> None:
        """Change the facts that are given, and wake every call that waits."""
        if delivered is not None:
            self.delivered = delivered
        if history is not None:
            self.history = history
        if is_up is not None:
            self.streams += is_up and not self.is_up
            self.is_up = is_up
        if is_running is not None:
            self.is_running = is_running
        self._changed.set()
        self._changed = asyncio.Event()

    def has_ended(self, stream: int) -> bool:
        """Return whether the stream with this number has ended."""
        return not self.is_up or self.streams != stream

    async def wait_for_revision(self, revision: int, *, history: str, stream: int) -> bool:
        """Wait until a revision of a history is delivered; return False if its stream ends before."""

        def is_delivered() -> bool:
            return self.history == history and self.delivered >= revision

        await self.wait_until(lambda: is_delivered() or self.has_ended(stream))
        return is_delivered()

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition on this progress holds."""
        while not condition():
            await self._changed.wait()


class QueueWatch:
    """The watch of one console. `in_focus` is sent with each stream, so that the server has the latest value."""

    def __init__(self, connection: Connection, *, console: str, in_focus: bool) -> None:
        self.console = console
        self.in_focus = in_focus
        self.progress = WatchProgress()
        self._connection = connection
        self._revision: int | None = None
        self._history = ""

    async def updates(self) -> AsyncGenerator[Update, None]:
        """Deliver updates without end. Raises RescueError if this technician may not watch."""
        delays = retry_delays()
        is_lost = has_fresh_token = False
        self.progress.record(is_running=True)
        try:
            while True:
                reason, retry_now = "the server ended the watch", False
                async with self._connection.channel() as channel:
                    try:
                        async with aclosing(self._stream(channel)) as stream:
                            async for update in stream:
                                if is_lost:
                                    is_lost = False
                                    yield ServerBack()
                                if update is not None:
                                    delays, has_fresh_token = retry_delays(), False
                                    yield update
                                    self.progress.record(delivered=update.revision, history=self._history)
                    except Unauthenticated as error:
                        # A restarted server does not know the old token. A renewed secret is looked up again.
                        if not self._connection.relocate(channel, error) and has_fresh_token:
                            raise
                        channel.forget_token()
                        has_fresh_token = retry_now = True
                    except InvalidArgument:
                        if self._revision is None:
                            raise
                        self._revision = None  # the server has another store, with other revisions: start again
                    except PermissionDenied:
                        raise
                    except RescueError as error:
                        has_fresh_token = False  # another restart may follow before the token was of use
                        self._connection.relocate(channel, error)
                        reason = str(error) or error.code
                self.progress.record(is_up=False)
                if not is_lost and not retry_now:
                    is_lost = True
                    yield ServerLost(reason=reason)
                if not retry_now:
                    await asyncio.sleep(next(delays))
        finally:
            self.progress.record(is_up=False, is_running=False)

    async def _stream(self, channel: SignedInChannel) -> AsyncGenerator[Snapshot | Delta | Bookmark | None, None]:
        """Deliver the new updates of one stream; first None, when the stream is open. Raises RescueError."""
        metadata = await channel.metadata()
        request = console_pb2.WatchQueueRequest(
            after_revision=self._revision, history=self._history, console=self.console, in_focus=self.in_focus
        )
        call = channel.stub(console_pb2_grpc.ConsoleServiceStub).WatchQueue(request, metadata=metadata)
        try:
            with channel.until_left(call.cancel):
                await call.initial_metadata()
                if not call.done():
                    self.progress.record(is_up=True)
                    yield None
                async with aclosing(self._new_updates(call)) as updates:
                    async for update in updates:
                        yield update
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        except asyncio.CancelledError:
            self._connection.raise_if_closed(stream_of=channel)
            raise
        finally:
            call.cancel()

    async def _new_updates(
        self, messages: AsyncIterable[console_pb2.WatchQueueResponse]
    ) -> AsyncGenerator[Snapshot | Delta | Bookmark, None]:
        compacted = False
        async for message in messages:
            compacted = compacted or message.HasField("compacted")
            for update in decoding.updates_of(message, self._connection.user):
                if isinstance(update, Snapshot):
                    update, compacted = replace(update, compacted=compacted), False
                    self._history = update.history
                elif self._revision is not None and update.revision <= self._revision:
                    continue
                self._revision = update.revision
                yield update
