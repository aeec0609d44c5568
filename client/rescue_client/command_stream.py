"""Commands of a console that go by one stream of each grpc channel: for many commands, a third of what calls cost.

It takes the place of the stub of a channel. So a command is repeated, signed in for and refused as a call would be.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

import grpc
from google.rpc import status_pb2

from rescue_client.channel import Metadata, SignedInChannel
from rescue_protos.error_details import DETAILS_KEY
from rescue_protos.errors import RescueError, Unavailable
from rescue_protos.v1 import console_pb2 as pb
from rescue_protos.v1 import console_pb2_grpc

if TYPE_CHECKING:
    from rescue_protos.v1.console_pb2_grpc import ConsoleServiceAsyncStub

AT_ONCE = 64
"""Commands under way at most. The next ones wait here: on their way they would look unanswered."""

_KINDS = {
    field.message_type.name.removesuffix("Request"): field.name
    for field in pb.Command.DESCRIPTOR.oneofs_by_name["command"].fields
    if field.message_type is not None
}
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class StreamedCommands:
    """The streams of one console, each opened when a command is sent over its channel."""

    def __init__(self) -> None:
        self.room = asyncio.Semaphore(AT_ONCE)
        self._streams: dict[tuple[SignedInChannel, Metadata], _OpenStream] = {}
        self._closed = False

    def stub(self, channel: SignedInChannel, metadata: Metadata) -> ConsoleServiceAsyncStub:
        """Return the channel's stub; its commands go by the stream."""
        stub: ConsoleServiceAsyncStub = channel.stub(console_pb2_grpc.ConsoleServiceStub)
        if self._closed:
            return stub
        self._forget_others(metadata)
        stream = self._streams.get((channel, metadata))
        if stream is None:
            stream = self._streams[channel, metadata] = _OpenStream(stub, metadata)
        return cast("ConsoleServiceAsyncStub", _StreamingStub(stub, stream))

    def _forget_others(self, metadata: Metadata) -> None:
        """End streams with another token when nobody waits for them, and forget those that are over."""
        for key, stream in tuple(self._streams.items()):
            if key[1] != metadata and stream.is_idle:
                stream.close()
            if stream.is_over:
                del self._streams[key]

    def close(self) -> None:
        """End the streams. A command that is under way is sent again as a call."""
        self._closed = True
        for stream in self._streams.values():
            stream.close()


class _StreamingStub:
    """A stub whose commands go by a stream, and all else by calls."""

    def __init__(self, stub: ConsoleServiceAsyncStub, stream: _OpenStream) -> None:
        self._stub = stub
        self._stream = stream

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        if (kind := _KINDS.get(method)) is None:
            return cast("Callable[..., Awaitable[Any]]", getattr(self._stub, method))

        def perform(request: Any, *, metadata: Metadata) -> Awaitable[Any]:
            return self._stream.perform(kind, request)

        return perform


class _OpenStream:
    """One stream. It is over when anybody ended it: the server, the network or this program."""

    def __init__(self, stub: ConsoleServiceAsyncStub, metadata: Metadata) -> None:
        self.is_over = False
        self._call = stub.SendCommands(metadata=metadata)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._unsent: list[pb.Command] = []
        self._reading = asyncio.create_task(self._read())
        self._writing: asyncio.Task[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for an answer."""
        return not self._waiting

    async def perform(self, kind: str, request: Any) -> Any:
        """Send a command and return its reply. Raises grpc.RpcError as its call would."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._unsent.append(pb.Command(number=number, **{kind: request}))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        try:
            return await answer
        finally:
            self._waiting.pop(number, None)

    def close(self) -> None:
        """End it."""
        self._end(Unavailable("the command stream was closed", reason="STREAM_CLOSED"))

    async def _write(self) -> None:
        """Write commands, and those that come meanwhile: several in one message."""
        try:
            while self._unsent and not self.is_over:
                commands, self._unsent = self._unsent, []
                await self._call.write(pb.SendCommandsRequest(commands=commands))
        except (grpc.RpcError, asyncio.InvalidStateError):
            pass  # the reader learns why
        finally:
            self._writing = None

    async def _read(self) -> None:
        lost: Exception = Unavailable("the server ended the command stream", reason="STREAM_ENDED")
        try:
            while isinstance(message := await self._call.read(), pb.SendCommandsResponse):
                for answer in message.answers:
                    self._take(answer)
        except grpc.RpcError as error:
            lost = error
        except asyncio.CancelledError:
            if self._is_cancelled():
                raise
            lost = Unavailable("the connection was closed", reason="CONNECTION_CLOSED")
        self._end(lost)

    def _take(self, answer: pb.CommandAnswer) -> None:
        waiting = self._waiting.get(answer.number)
        if waiting is None or waiting.done():
            return  # nobody waits any more
        kind = answer.WhichOneof("answer")
        if kind == "error":
            waiting.set_exception(_error_of(answer.error))
        elif kind is None:
            waiting.set_exception(RescueError("the server's answer is of an unknown kind", code="UNKNOWN"))
        else:
            waiting.set_result(getattr(answer, kind))

    def _end(self, why: Exception) -> None:
        if self.is_over:
            return
        self.is_over = True
        self._call.cancel()
        self._reading.cancel()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(why)

    @staticmethod
    def _is_cancelled() -> bool:
        """Whether this task is cancelled. Without that it was the call: gRPC says both in the same way."""
        task = asyncio.current_task()
        return task is not None and bool(task.cancelling())


def _error_of(details: bytes) -> grpc.aio.AioRpcError:
    """Return the error that the command's call would have raised."""
    status = status_pb2.Status.FromString(details)
    return grpc.aio.AioRpcError(
        _CODES.get(status.code, grpc.StatusCode.UNKNOWN),
        grpc.aio.Metadata(),
        grpc.aio.Metadata((DETAILS_KEY, details)),
        details=status.message,
    )
