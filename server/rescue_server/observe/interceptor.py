"""Around every call, outside the guard: what it was, who made it, how it ended and how long it took.

Observers get each call that ended: its outcome, never its content.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from rescue_server.observe.logs import facts
from rescue_server.rpc.call_context import CallContext
from rescue_server.rpc.guard import caller
from rescue_server.rpc.method_wrapping import RpcHandler
from rescue_server.rpc.sources import source_of

log = logging.getLogger("rescue_server.calls")
_FAILURES = frozenset({"INTERNAL", "UNKNOWN", "DATA_LOSS"})
_QUIET = ("/grpc.health.", "/grpc.reflection.")


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of a method, by its full name. `seconds` are real; `revision` is 0 if the answer has none.

    `peer` is the host that called, as limits count it.
    """

    method: str
    streaming: bool
    peer: str = ""
    user: str = ""
    session: str = ""
    revision: int = 0
    code: str = "OK"
    seconds: float = 0.0


class Observing:
    """Reports every call that ended to `observers`, and to the log at INFO.

    With `only_generators` each handler of a stream is a generator of messages: OpenTelemetry's interceptor knows no
    handlers that write to the context.
    """

    def __init__(self, observers: Sequence[Callable[[Call], None]] = (), *, only_generators: bool = False) -> None:
        self._observers = tuple(observers)
        self._only_generators = only_generators

    def wrap(self, name: str, handler: RpcHandler) -> RpcHandler:
        """Return the handler of a method with the observation around it."""
        if not (self._observers or log.isEnabledFor(logging.INFO)):
            return handler  # nobody looks; what fails inside is logged there
        coders = (handler.request_deserializer, handler.response_serializer)
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._unary(handler.unary_unary, name), *coders)
        behavior = handler.unary_stream or handler.stream_stream
        if inspect.iscoroutinefunction(behavior):
            observed = self._writer(behavior, name)
            observed = _generator(observed) if self._only_generators else observed
        else:
            observed = self._stream(behavior, name)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(observed, *coders)
        return grpc.stream_stream_rpc_method_handler(observed, *coders)

    def _unary(self, behavior: Any, method: str) -> Any:
        async def observed(request: Any, context: CallContext) -> Any:
            call = Call(method=method, streaming=False, session=_text(request, "session"))
            with self._timed(call, context):
                answer = await behavior(request, context)
                call.session = call.session or _text(answer, "session")
                call.revision = getattr(answer, "revision", 0)
                return answer

        return observed

    def _stream(self, behavior: Any, method: str) -> Any:
        async def observed(request: Any, context: CallContext) -> AsyncIterator[Any]:
            call = Call(method=method, streaming=True, session=_text(request, "session"))
            with self._timed(call, context):
                async with contextlib.aclosing(behavior(request, context)) as messages:
                    async for message in messages:
                        yield message

        return observed

    def _writer(self, behavior: Any, method: str) -> Any:
        async def observed(request: Any, context: CallContext) -> None:
            call = Call(method=method, streaming=True, session=_text(request, "session"))
            with self._timed(call, context):
                await behavior(request, context)

        return observed

    @contextlib.contextmanager
    def _timed(self, call: Call, context: CallContext) -> Iterator[None]:
        real_time = asyncio.get_running_loop().time
        began = real_time()
        call.peer = source_of(context.peer())  # now: of a call that is over, gRPC has nothing left to ask
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            call.code = "CANCELLED"  # the caller went away, which is how a watch ends
            raise
        except BaseException:
            call.code = _code_of(context)
            raise
        finally:
            call.seconds = real_time() - began
            with contextlib.suppress(LookupError):  # nobody was let in
                call.user = caller().name
            self._report(call)

    def _report(self, call: Call) -> None:
        for observer in self._observers:
            observer(call)
        level = logging.ERROR if call.code in _FAILURES else logging.INFO
        if not log.isEnabledFor(level) or call.method.startswith(_QUIET):
            return
        short = call.method.rpartition("/")[2]
        found = facts(
            method=short,
            code=call.code,
            user=call.user,
            peer="" if call.user else call.peer,  # where guessers are
            session=call.session,
            revision=call.revision or None,
            seconds=round(call.seconds, 6),
        )
        log.log(level, "%s %s", short, call.code, extra=found)


def _generator(behavior: Any) -> Any:
    """Return a generator of no messages that lets the handler write its own."""

    async def generating(request: Any, context: CallContext) -> AsyncIterator[Any]:
        await behavior(request, context)
        messages: tuple[Any, ...] = ()
        for message in messages:
            yield message

    return generating


def _text(message: Any, field: str) -> str:
    found = getattr(message, field, "")
    return found if isinstance(found, str) else ""


def _code_of(context: CallContext) -> str:
    """The code that the guard aborted with; UNKNOWN if something else went wrong."""
    found: Any = context.code()
    if isinstance(found, grpc.StatusCode):
        return found.name
    return next((code.name for code in grpc.StatusCode if code.value[0] == found and found), "UNKNOWN")
