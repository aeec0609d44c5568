"""Calls at a server that does not lead: it serves what its replica knows, and forwards the rest to the leader.

A forwarded call is the caller's own: the same bytes and the same token, which the leader checks itself. So no server
can speak for a user whose token it has not got. What it adds is the caller's address, with a proof of the cluster's
key, because limits count by it.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator
from typing import Any, NoReturn, cast

import grpc
from google.protobuf.message import Message

from rescue_protos.error_details import code_of, from_rpc_error, to_status
from rescue_protos.errors import NotLeading, ShuttingDown
from rescue_protos.v1 import access_pb2
from rescue_server.cluster.leader_channel import LeaderChannel, NoLeader, closed_is_broken
from rescue_server.cluster.linked_applets import Attach
from rescue_server.cluster.member_parts import MemberParts
from rescue_server.cluster.proofs import is_proof, prove
from rescue_server.cluster.standing import MemberStanding
from rescue_server.rpc import command_stream, sources
from rescue_server.rpc.call_context import CallContext
from rescue_server.rpc.method_wrapping import RpcHandler
from rescue_server.rpc.wire import unless_bytes
from rescue_server.runtime.watch import Watch

PATIENCE = 5.0  # real seconds without a leader: an election takes a fifth of one
_LOOK_AGAIN = 0.05  # real seconds
_CAUGHT_UP_WITHIN = 5.0  # real seconds, for the effect of a call to arrive here

_ROLE = "forwarded"
_FOR, _PROOF, _REVISION = "rescue-forwarded-for", "rescue-forwarded-proof-bin", "rescue-revision"
_PASSED_ON = ("authorization", "traceparent", "rescue-")

_PACKAGE = "/rescue_protos.v1."
_CONSOLE = f"{_PACKAGE}ConsoleService/"
_SIGN_IN = f"{_PACKAGE}AccessService/SignIn"  # served here, but only the leader refuses
ATTACH = f"{_PACKAGE}AppletService/Attach"
_FAULTS = f"{_PACKAGE}FaultService/"
# What is about this server itself.
_ALWAYS_HERE = ("/grpc.", f"{_PACKAGE}ClusterService/", f"{_PACKAGE}PublicApiService/ReportRequests")
# What the replica knows.
_FROM_REPLICA = (
    *(f"{_CONSOLE}{method}" for method in ("WatchQueue", "ListQueue", "GetDirectory")),
    *(f"{_PACKAGE}JournalService/{method}" for method in ("ListEvents", "WatchEvents", "Explain")),
    f"{_PACKAGE}AdminService/WatchQueues",
)
# A console's watch is here, or was forwarded while there were fault rules: both are to hear of these.
_BOTH = (f"{_CONSOLE}SyncQueue", f"{_CONSOLE}SetFocus")
# Of these the same call again does no more than the first.
_REPEATABLE = ("Get", "List", "Read", "Watch", "Explain", "Sync", "Set", "Pause", "Check")

Metadata = tuple[tuple[str, str | bytes], ...]


class Forwarding:
    """The calls of one server. `watch` tells what its replica has reached.

    A server that answers from its replica asks the leader first what that must have: so nobody reads less than they
    have seen at another server. Rules for calls are the leader's; while there are any, it answers everything.
    """

    def __init__(
        self,
        standing: MemberStanding,
        watch: Watch,
        leader: LeaderChannel,
        parts: MemberParts,
        *,
        key: bytes,
    ) -> None:
        self._parts = parts
        self._standing = standing
        self._watch = watch
        self._leader = leader
        self._key = key

    def wrap(self, path: str, handler: RpcHandler) -> RpcHandler:
        """Return the handler of a method: here, or by the leader."""
        if path.startswith(_ALWAYS_HERE):
            return handler
        request_type, response_type = handler.request_deserializer, handler.response_serializer
        if handler.unary_unary:
            behavior = self._unary(path, handler.unary_unary)
            return grpc.unary_unary_rpc_method_handler(behavior, request_type, response_type)
        if path == ATTACH:
            self._parts.linked_applets.attach = cast("Attach", handler.stream_stream)
            behavior = self._attach(handler.stream_stream)
            return grpc.stream_stream_rpc_method_handler(behavior, request_type, response_type)
        stream = _Stream(self, path, handler.unary_stream or handler.stream_stream)
        writes = inspect.iscoroutinefunction(handler.unary_stream or handler.stream_stream)
        chosen = stream.write if writes else stream.generate
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(chosen, request_type, unless_bytes(response_type))
        return grpc.stream_stream_rpc_method_handler(chosen, request_type, unless_bytes(response_type))

    def _unary(self, path: str, here: Any) -> Any:
        may_repeat = path.rpartition("/")[2].startswith(_REPEATABLE)

        async def behavior(request: Any, context: CallContext) -> Any:
            if not isinstance(request, Message):  # the guard says that these bytes are no message
                return await here(request, context)
            if self._leads_or_refuses(context):
                return await self._answer(path, here, request, context)
            if path == _SIGN_IN or await self.is_here(path, context):
                return await here(request, context)
            repeatable = may_repeat or bool(getattr(request, "request_id", ""))
            answer = await self._by_leader(path, request, context, repeatable=repeatable)
            return await here(request, context) if answer is None or path in _BOTH else answer

        return behavior

    def _attach(self, here: Any) -> Any:
        async def behavior(requests: object, context: CallContext) -> None:
            if self._leads_or_refuses(context):
                await self.admit(context)
                await here(requests, context)
            else:
                await self._parts.edge_applets.attach(context)

        return behavior

    async def sign_in(
        self, request: access_pb2.SignInRequest, context: CallContext
    ) -> access_pb2.SignInResponse | None:
        """Return the leader's answer to a sign-in that would be refused here; None if this server leads."""
        if self._leads_or_refuses(context):
            return None
        answer = await self._by_leader(_SIGN_IN, request, context, repeatable=True)
        return None if answer is None else access_pb2.SignInResponse.FromString(answer)

    async def _answer(self, path: str, here: Any, request: Any, context: CallContext) -> Any:
        """Answer as the leader; to another server, say what its replica must have reached."""
        await self.admit(context)
        answer = await here(request, context)
        if path.startswith(_FAULTS):  # every server is to know of the rules
            await self._parts.settling.settled(self._watch.revision)
        if self._came_forwarded(context):
            context.set_trailing_metadata(((_REVISION, str(self._watch.revision)),))
        return answer

    async def _by_leader(self, path: str, request: Message, context: CallContext, *, repeatable: bool) -> bytes | None:
        """Return the leader's answer; None if this server leads by now."""
        sent, metadata = request.SerializeToString(), self.metadata(context)
        until = asyncio.get_running_loop().time() + PATIENCE
        while not self._standing.leads:
            try:
                call = self._leader.unary(path)(sent, metadata=metadata, timeout=context.time_remaining())
                with closed_is_broken():
                    answer: bytes = await call
            except NoLeader:
                is_gone = True
            except grpc.aio.AioRpcError as error:
                is_gone = is_refused_by_state(error) or (repeatable and is_broken(error))
                if not is_gone:
                    await pass_on(error, context)
            else:
                await self._catch_up(await call.trailing_metadata())
                return answer
            if asyncio.get_running_loop().time() > until:
                await _abort(context, NotLeading.of(self._standing.leader_address))
            await asyncio.sleep(_LOOK_AGAIN)
        return None

    async def _catch_up(self, trailing: Any) -> None:
        """Wait until the replica has what the call led to: who commands sees their own effect."""
        revision = next((str(value) for name, value in trailing or () if name == _REVISION), "0")
        await self._watch.reach(int(revision), timeout=_CAUGHT_UP_WITHIN)

    async def show(self, path: str, message: bytes) -> None:
        """Wait until the replica has what a message of the leader's stream says."""
        if path == command_stream.PATH:
            await self._watch.reach(command_stream.last_revision(message), timeout=_CAUGHT_UP_WITHIN)

    async def open_stream(self, path: str, requests: Any, context: CallContext) -> Any:
        """Return the leader's stream; None if this server leads by now. Ends the call if nobody leads."""
        until = asyncio.get_running_loop().time() + PATIENCE
        while not self._standing.leads:
            with contextlib.suppress(NoLeader):
                return self._leader.stream(path)(requests, metadata=self.metadata(context))
            if asyncio.get_running_loop().time() > until:
                await _abort(context, NotLeading.of())
            await asyncio.sleep(_LOOK_AGAIN)
        return None

    async def is_here(self, path: str, context: CallContext) -> bool:
        """Whether this server answers the call itself, be it with a refusal. Its replica has caught up then."""
        if self._leads_or_refuses(context):
            return True
        if path not in _FROM_REPLICA or self._standing.has_fault_rules:
            return False
        await self._parts.questions.catch_up()
        return True

    def _leads_or_refuses(self, context: CallContext) -> bool:
        return self._standing.leads or self._came_forwarded(context)

    async def admit(self, context: CallContext) -> None:
        """Take a call that another server forwards as that of its caller. Ends the call if it does not fit."""
        if not self._came_forwarded(context):
            return
        found = dict(context.invocation_metadata() or ())
        origin, proof = found.get(_FOR, ""), found.get(_PROOF, b"")
        if not self._standing.leads or not isinstance(origin, str) or not isinstance(proof, bytes):
            await _abort(context, NotLeading.of(self._standing.leader_address))
        elif is_proof(proof, self._key, _ROLE, origin):
            sources.set_origin(origin)

    def metadata(self, context: CallContext) -> Metadata:
        """Return what the leader is to get with the caller's call."""
        origin = sources.peer_of(context)
        kept = [
            (name, value)
            for name, value in context.invocation_metadata() or ()
            if name.startswith(_PASSED_ON) and name not in (_FOR, _PROOF)
        ]
        return (*kept, (_FOR, origin), (_PROOF, prove(self._key, _ROLE, origin)))

    @staticmethod
    def _came_forwarded(context: CallContext) -> bool:
        return any(name == _FOR for name, _ in context.invocation_metadata() or ())


class _Stream:
    """One method with a stream. Of a handler that writes to its context, `write` is the other half; else `generate`."""

    def __init__(self, forwarding: Forwarding, path: str, here: Any) -> None:
        self._forwarding = forwarding
        self._path = path
        self._here = here

    async def generate(self, request: Any, context: CallContext) -> AsyncIterator[Any]:
        forwarded = await self._by_leader(request, context)
        if forwarded is None:
            await self._forwarding.admit(context)
            async with contextlib.aclosing(self._here(request, context)) as messages:
                async for message in messages:
                    yield message
            return
        async for message in forwarded.messages(context):
            yield message

    async def write(self, request: Any, context: CallContext) -> None:
        forwarded = await self._by_leader(request, context)
        if forwarded is None:
            await self._forwarding.admit(context)
            await self._here(request, context)
            return
        async for message in forwarded.messages(context):
            await self._forwarding.show(self._path, message)
            await context.write(message)

    async def _by_leader(self, request: Any, context: CallContext) -> ForwardedStream | None:
        """Return the leader's stream; None if the call is served here."""
        if isinstance(request, Message):
            requests = Requests(_once(request))
        elif hasattr(request, "__aiter__"):
            requests = Requests(request)
        else:  # no message: the guard says so
            return None
        if await self._forwarding.is_here(self._path, context):
            return None
        call = await self._forwarding.open_stream(self._path, requests, context)
        return None if call is None else ForwardedStream(call, requests)


class Requests:
    """The messages of a caller on their way to the leader. gRPC reads them in a task of its own."""

    def __init__(self, messages: AsyncIterator[Message]) -> None:
        self._messages = messages
        self._reader: asyncio.Task[Any] | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._reader = asyncio.current_task()
        async for message in self._messages:
            yield message.SerializeToString()

    def stop(self) -> None:
        """Wait for no more. gRPC does that if a call is cancelled, but not if it has failed before."""
        if self._reader is not None:
            self._reader.cancel()


class ForwardedStream:
    """A stream of the leader, with the requests that go there."""

    def __init__(self, call: Any, requests: Requests) -> None:
        self._call = call
        self._requests = requests

    async def messages(self, context: CallContext) -> AsyncIterator[bytes]:
        """Yield what the leader sends, and end the caller's call as it ends this one."""
        try:
            with closed_is_broken():
                async for message in self._call:
                    yield message
        except grpc.aio.AioRpcError as error:
            await pass_on(error, context)
        finally:
            self._call.cancel()
            self._requests.stop()


async def _once(request: Message) -> AsyncIterator[Message]:
    yield request


def is_broken(error: grpc.aio.AioRpcError) -> bool:
    """Whether the connection failed: the leader may have carried out the call, or not."""
    return code_of(error) is grpc.StatusCode.UNAVAILABLE and from_rpc_error(error).reason == "UNAVAILABLE"


def is_refused_by_state(error: grpc.aio.AioRpcError) -> bool:
    """Whether the server refused the call because it does not lead, or leaves: nothing was done."""
    return code_of(error) is grpc.StatusCode.UNAVAILABLE and isinstance(
        from_rpc_error(error), NotLeading | ShuttingDown
    )


async def pass_on(error: grpc.aio.AioRpcError, context: CallContext) -> NoReturn:
    """End the caller's call as the leader ended it."""
    kept = tuple((name, value) for name, value in error.trailing_metadata() or () if not name.startswith("rescue-"))
    await context.abort(code_of(error), error.details() or "", kept)


async def _abort(context: CallContext, refusal: NotLeading) -> NoReturn:
    await context.abort(*to_status(refusal))
