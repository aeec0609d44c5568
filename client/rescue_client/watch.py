"""A watch of the queue that outlives connections and servers: no update missing, none twice.

Each stream asks for what followed the last revision delivered, and whatever is not newer is dropped; when the
server no longer has it, a snapshot comes instead. Only the server's refusal to let the technician watch at all
ends a watch.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

import grpc

from rescue_client import decoding
from rescue_client.connection import Connection, Dial, pauses
from rescue_client.records import Bookmark, Delta, ServerBack, ServerLost, Snapshot, Update
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import InvalidArgument, PermissionDenied, RescueError, Unauthenticated
from rescue_protos.v1 import console_pb2


class Progress:
    """How far a watch has got, for those who wait for it.

    `delivered` is the last revision that its reader is done with, `stretch` counts the connections that it has
    had, `up` says whether it has one now.
    """

    def __init__(self) -> None:
        self.delivered = -1
        self.stretch = 0
        self.up = False
        self.running = False
        self._changed = asyncio.Event()

    def note(self, *, delivered: int | None = None, up: bool | None = None, running: bool | None = None) -> None:
        """Change the facts that are given and wake everybody who waits."""
        if delivered is not None:
            self.delivered = delivered
        if up is not None:
            self.stretch += up and not self.up
            self.up = up
        if running is not None:
            self.running = running
        self._changed.set()
        self._changed = asyncio.Event()

    def is_over(self, stretch: int) -> bool:
        """Return whether the connection that was the watch's then is no longer."""
        return not self.up or self.stretch != stretch

    async def seen(self, revision: int, *, stretch: int) -> bool:
        """Wait until a revision is delivered; return False if its stretch is over before."""
        await self.until(lambda: self.delivered >= revision or self.is_over(stretch))
        return self.delivered >= revision

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition on this progress holds."""
        while not condition():
            await self._changed.wait()


class Watch:
    """The watch of one console. `focus` is asked at each connection, so the server always has the latest."""

    def __init__(self, connection: Connection, *, console: str, focus: Callable[[], bool]) -> None:
        self._connection = connection
        self._console = console
        self._focus = focus
        self._revision: int | None = None
        self.progress = Progress()

    async def updates(self) -> AsyncGenerator[Update, None]:
        """Deliver updates for ever. Raises RescueError if this technician may not watch."""
        pause = pauses()
        lost = fresh_token = False
        self.progress.note(running=True)
        try:
            while True:
                reason, afresh = "the server ended the watch", False
                async with self._connection.dialled() as dial:
                    try:
                        async with aclosing(self._stream(dial)) as stream:
                            async for update in stream:
                                if lost:
                                    lost = False
                                    yield ServerBack()
                                if update is not None:
                                    pause, fresh_token = pauses(), False
                                    yield update
                                    self.progress.note(delivered=update.revision)
                    except Unauthenticated:
                        # A restarted server knows no token of before; a renewed secret is looked up again.
                        if not self._connection.look_again(dial) and fresh_token:
                            raise
                        dial.signed_in.forget_token()
                        fresh_token = afresh = True
                    except InvalidArgument:
                        if self._revision is None:
                            raise
                        self._revision = None  # the server's revisions are others than before: begin anew
                    except PermissionDenied:
                        raise
                    except RescueError as error:
                        self._connection.look_again(dial)
                        reason = str(error) or error.code
                self.progress.note(up=False)
                if not lost and not afresh:
                    lost = True
                    yield ServerLost(reason=reason)
                if not afresh:
                    await asyncio.sleep(next(pause))
        finally:
            self.progress.note(up=False, running=False)

    async def _stream(self, dial: Dial) -> AsyncGenerator[Snapshot | Delta | Bookmark | None, None]:
        """Deliver what one stream brings that is new; None first, once it stands. Raises RescueError."""
        metadata = await dial.signed_in.metadata()
        call = dial.stub.WatchQueue(
            console_pb2.WatchQueueRequest(after_revision=self._revision, console=self._console, in_focus=self._focus()),
            metadata=metadata,
        )
        try:
            await call.initial_metadata()
            if not call.done():
                self.progress.note(up=True)
                yield None
            compacted = False
            async for message in call:
                compacted = compacted or message.HasField("compacted")
                for update in decoding.updates_of(message):
                    if isinstance(update, Snapshot):
                        update, compacted = replace(update, compacted=compacted), False
                    elif self._revision is not None and update.revision <= self._revision:
                        continue
                    self._revision = update.revision
                    yield update
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        except asyncio.CancelledError:
            self._connection.raise_if_closed_under_us()
            raise
        finally:
            call.cancel()
