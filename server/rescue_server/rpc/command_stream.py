"""Commands that come by a stream: each is let in, observed, performed and answered as the call of its own would be.

A message of gRPC costs about as much as a command. So several commands may come in one, and answers that are ready
together go out in one. A stream has so many commands under way at most, those included whose answers its client does
not read: until then it is not read on, and gRPC's flow control holds up the sender.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn, cast

import grpc
from google.rpc import status_pb2

from rescue_common.background_tasks import BackgroundTasks
from rescue_protos.error_details import DETAILS_KEY
from rescue_protos.errors import ShuttingDown
from rescue_protos.v1 import console_pb2 as pb
from rescue_server.rpc.call_context import CallContext
from rescue_server.rpc.method_wrapping import RpcHandler, WrapMethod

PATH = "/rescue_protos.v1.ConsoleService/SendCommands"
SERVICE = pb.DESCRIPTOR.services_by_name["ConsoleService"]
Perform = Callable[[Any, CallContext], Awaitable[Any]]


def last_revision(response: bytes) -> int:
    """Return the revision that a server has reached if it shows what these answers say."""
    replies = [
        getattr(answer, answer.WhichOneof("answer") or "", None)
        for answer in pb.SendCommandsResponse.FromString(response).answers
    ]
    return max((getattr(reply, "revision", 0) for reply in replies), default=0)


class CommandStreams:
    """The command streams of all technicians. `wrappers` go around each command as around its own call."""

    def __init__(self, service: object, wrappers: Sequence[WrapMethod], *, most_under_way: int) -> None:
        self._performs = {field.name: _wrapped(service, field.message_type.name, wrappers) for field in _commands()}
        self._most = most_under_way
        self._open: set[_CommandStream] = set()

    def drain(self) -> None:
        """Read no more commands, and end each stream when what is under way is answered: the server shuts down."""
        for stream in self._open:
            stream.stop_reading()

    async def serve(self, context: CallContext) -> None:
        """Perform what comes until the client has no more commands. Raises ShuttingDown."""
        stream = _CommandStream(self._performs, context, self._most)
        self._open.add(stream)
        try:
            await stream.run()
        finally:
            self._open.discard(stream)


class _CommandStream:
    """One stream. `_under_way` counts the commands whose answers are not written yet."""

    def __init__(self, performs: dict[str, Perform], context: CallContext, most: int) -> None:
        self._performs = performs
        self._context = context
        self._most = most
        self._under_way = 0
        self._progress = asyncio.Event()
        self._tasks = BackgroundTasks()
        self._answers: list[pb.CommandAnswer] = []
        self._writing = False
        self._failure: Exception | None = None
        self._reading: asyncio.Timeout | None = None
        self._stopped = False

    async def run(self) -> None:
        """Read commands and answer them."""
        try:
            await self._read_until_stopped()
            await self._fewer_under_way(1)
        finally:
            self._tasks.cancel()  # the client is gone; what the engine has begun it ends
        if self._stopped:
            raise ShuttingDown.of()

    def stop_reading(self) -> None:
        """Read no more."""
        self._stopped = True
        if self._reading is not None:
            self._reading.reschedule(0)  # which is in the past

    def _fail(self, error: Exception) -> None:
        self._failure = error
        self._progress.set()
        if self._reading is not None:
            self._reading.reschedule(0)

    async def _read_until_stopped(self) -> None:
        try:
            async with asyncio.timeout(None) as self._reading:
                while not self._stopped and (request := await self._context.read()) is not grpc.aio.EOF:
                    for command in request.commands:
                        await self._fewer_under_way(self._most)
                        self._tasks.start(self._perform(command))
                        self._under_way += 1
        except TimeoutError:
            if not self._stopped and self._failure is None:
                raise
        finally:
            self._reading = None

    async def _fewer_under_way(self, than: int) -> None:
        while self._under_way >= than:
            if self._failure is not None:
                raise self._failure
            self._progress.clear()
            await self._progress.wait()

    async def _perform(self, command: pb.Command) -> None:
        try:
            answer = await self._answer(command)
        except Exception as error:
            self._fail(error)
            return
        self._answers.append(answer)  # to the list of now: while it was awaited, the writer began another one
        if not self._writing:
            self._writing = True
            self._tasks.start(self._write())

    async def _answer(self, command: pb.Command) -> pb.CommandAnswer:
        context = _CommandContext(self._context)
        kind = command.WhichOneof("command")
        try:
            if kind is None:
                await context.abort(grpc.StatusCode.UNIMPLEMENTED, "this server knows no such command")
            reply = await self._performs[kind](getattr(command, kind), cast("CallContext", context))
        except _Aborted:
            return pb.CommandAnswer(number=command.number, error=context.error)
        answer = pb.CommandAnswer(number=command.number)
        found = getattr(answer, kind)
        found.SetInParent()
        if isinstance(reply, bytes):  # of the server that leads by now
            found.MergeFromString(reply)
        else:
            found.MergeFrom(reply)
        return answer

    async def _write(self) -> None:
        """Write what is ready, and what gets ready meanwhile. gRPC refuses two writes at once."""
        try:
            while self._answers:
                answers, self._answers = self._answers, []
                await self._context.write(pb.SendCommandsResponse(answers=answers))
                self._under_way -= len(answers)
                self._progress.set()
        except Exception as error:
            self._fail(error)
        finally:
            self._writing = False


class _Aborted(Exception):
    """A command was refused; its context has the error."""


class _CommandContext:
    """What a command's method gets in place of the context of a call."""

    def __init__(self, stream: CallContext) -> None:
        self._stream = stream
        self._code = grpc.StatusCode.OK
        self.error = b""

    def peer(self) -> str:
        return self._stream.peer()

    def invocation_metadata(self) -> Any:
        return self._stream.invocation_metadata()

    def time_remaining(self) -> None:
        """A stream has no end that is known before."""

    def set_trailing_metadata(self, trailing_metadata: object) -> None:
        """Another server reads the revision in the answer."""

    def code(self) -> grpc.StatusCode:
        return self._code

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> NoReturn:
        self._code = code
        self.error = _error(code, details, trailing_metadata)
        raise _Aborted


def _commands() -> Sequence[Any]:
    return cast("Sequence[Any]", pb.Command.DESCRIPTOR.oneofs_by_name["command"].fields)


def _wrapped(service: object, request: str, wrappers: Sequence[WrapMethod]) -> Perform:
    """Return the method that takes this request, with everything around it that is around its calls."""
    name = request.removesuffix("Request")
    handler: RpcHandler = grpc.unary_unary_rpc_method_handler(getattr(service, name))
    for wrap in reversed(wrappers):
        handler = wrap(f"/{SERVICE.full_name}/{name}", handler)
    return cast("Perform", handler.unary_unary)


def _error(code: grpc.StatusCode, details: str, trailing_metadata: Any) -> bytes:
    """Return what a call would have in its trailing metadata."""
    found: bytes = dict(trailing_metadata).get(DETAILS_KEY, b"")
    return found or status_pb2.Status(code=code.value[0], message=details).SerializeToString()
