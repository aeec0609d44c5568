"""What goes around every call: authentication, authorization, limits, and the mapping of errors to gRPC statuses.

It wraps each method once, when that is registered. Handlers raise RescueError, and get their caller from `caller()`.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn, cast

import grpc
from google.protobuf.message import DecodeError

from rescue_protos import errors
from rescue_protos.error_details import to_status
from rescue_server.core.organization import Organization
from rescue_server.faults.injector import FaultInjector
from rescue_server.rpc.call_context import CallContext
from rescue_server.rpc.method_wrapping import RpcHandler
from rescue_server.rpc.permissions import PERMISSIONS, Permission
from rescue_server.rpc.sources import peer_of, source_of
from rescue_server.rpc.wire import unless_bytes
from rescue_server.runtime.command_handlers import admit
from rescue_server.runtime.credentials import Principal, Tokens
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.limits import LIMITS, Limits, Slots
from rescue_server.runtime.state import EngineState

log = logging.getLogger(__name__)
_caller: ContextVar[Principal] = ContextVar("caller")
_NOBODY = Principal(name="", administrator=False)


@dataclass(frozen=True, slots=True)
class _Malformed:
    """Stands for a request that is no message of its kind."""


class _GuardedWrites:
    """A stream's context that writes only while its user may still call: `require_allowed` raises if not.

    That can only change with the organization.
    """

    __slots__ = ("_context", "_judged", "_require_allowed", "_state", "read")

    def __init__(self, context: CallContext, state: EngineState, require_allowed: Callable[[], None]) -> None:
        self._context = context
        self._state = state
        self._require_allowed = require_allowed
        self._judged: Organization | None = None
        self.read = context.read

    def write(self, message: Any) -> Awaitable[None]:
        if self._state.organization is not self._judged:
            self._require_allowed()
            self._judged = self._state.organization
        writing: Awaitable[None] = self._context.write(message)
        return writing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


def require_enabled(organization: Organization, user: str) -> None:
    """Raise Unauthenticated if an administrator disabled this user."""
    if not organization.is_enabled(user):
        raise errors.Unauthenticated(f"{user} is disabled: an administrator can enable them", reason="USER_DISABLED")


def caller() -> Principal:
    """Return who called the handler that runs now."""
    return _caller.get()


class Guard:
    """Checks the permission of a method before its handler runs, and translates what it raises."""

    def __init__(
        self,
        engine: Engine,
        tokens: Tokens,
        faults: FaultInjector,
        limits: Limits = LIMITS,
    ) -> None:
        self._engine = engine
        self._tokens = tokens
        self._faults = faults
        self._limits = limits
        self.open_streams = Slots()

    def wrap(self, path: str, handler: RpcHandler) -> RpcHandler:
        """Return the handler of a method with the guard around it."""
        serializer, deserializer = handler.response_serializer, handler.request_deserializer
        if handler.unary_unary:
            guarded = self._unary(handler.unary_unary, path)
            return grpc.unary_unary_rpc_method_handler(guarded, _lenient(deserializer), unless_bytes(serializer))
        behavior = handler.unary_stream or handler.stream_stream
        # A handler of a stream is a generator of messages, or writes them to the context.
        guarded = (self._writer if inspect.iscoroutinefunction(behavior) else self._stream)(behavior, path)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(guarded, _lenient(deserializer), unless_bytes(serializer))
        # Of a stream of requests the handler itself meets the DecodeError.
        return grpc.stream_stream_rpc_method_handler(guarded, deserializer, serializer)

    def _unary(self, behavior: Any, path: str) -> Any:
        name = path.rpartition("/")[2]

        async def handle(request: Any, context: CallContext) -> Any:
            principal = self._admit(path, context)
            _caller.set(principal)
            _require_message(request)
            if self._faults.affects_calls:
                async with self._faults.around(name, request, user=principal.name, computer_of=principal.computer_of):
                    return await behavior(request, context)
            return await behavior(request, context)

        async def guarded(request: Any, context: CallContext) -> Any:
            try:
                return await handle(request, context)
            except Exception as error:
                refusal = _refusal_of(error)
            # gRPC's error is part of a cycle with this frame: a large request must not wait for its collection.
            del request
            return await _abort(context, refusal)

        return guarded

    def _stream(self, behavior: Any, path: str) -> Any:
        async def guarded(request: Any, context: CallContext) -> AsyncIterator[Any]:
            try:
                principal = await self._open(request, context, path)
                with self._slot(PERMISSIONS.get(path), principal, context):
                    async with contextlib.aclosing(behavior(request, context)) as messages:
                        async for message in messages:
                            self._require_unrevoked(principal)
                            yield message
                return
            except Exception as error:
                refusal = _refusal_of(error)
            await _abort(context, refusal)

        return guarded

    def _writer(self, behavior: Any, path: str) -> Any:
        async def guarded(request: Any, context: CallContext) -> None:
            try:
                principal = await self._open(request, context, path)
                with self._slot(PERMISSIONS.get(path), principal, context):
                    if principal.name:
                        allowed = partial(self._require_unrevoked, principal)
                        context = cast("CallContext", _GuardedWrites(context, self._engine.published, allowed))
                    await behavior(request, context)
                return
            except Exception as error:
                refusal = _refusal_of(error)
            await _abort(context, refusal)

        return guarded

    async def _open(self, request: Any, context: CallContext, path: str) -> Principal:
        principal = self._admit(path, context)
        _caller.set(principal)
        _require_message(request)
        if self._faults.affects_calls:
            name = path.rpartition("/")[2]
            async with self._faults.around(name, request, user=principal.name, computer_of=principal.computer_of):
                pass  # a fault rule affects a stream only when it is opened
        return principal

    def _admit(self, path: str, context: CallContext) -> Principal:
        permission = PERMISSIONS.get(path)
        if permission is None:
            raise errors.PermissionDenied("this method has no permission: nobody may call it")
        if permission in (Permission.ANYBODY, Permission.APPLET, Permission.MEMBER):
            return _NOBODY
        metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        if permission is Permission.USER_OR_COMPUTER and "rescue-ticket" in metadata:
            session = admit(self._engine.published, metadata.get("rescue-session", ""), metadata["rescue-ticket"])
            return Principal(name="", administrator=False, computer_of=session.id)
        principal = self._user(metadata.get("authorization", ""), self._engine.published.organization)
        if permission is Permission.COMPANION:
            if not principal.companion:
                raise errors.PermissionDenied("only programs that the server starts itself may call this")
            return principal
        if permission is Permission.ADMINISTRATOR and not principal.administrator:
            raise errors.PermissionDenied(f"{principal.name} is no administrator")
        if permission is Permission.TECHNICIAN and principal.administrator:
            raise errors.PermissionDenied(
                f"{principal.name} is an administrator and has no queue: sign in as a technician"
            )
        return principal

    def _user(self, authorization: str, organization: Organization) -> Principal:
        scheme, _, token = authorization.partition(" ")
        if scheme != "Bearer" or not token:
            raise errors.Unauthenticated("no token was sent: sign in first", reason="TOKEN_MISSING")
        principal = self._tokens.principal_of(token, organization.administrators, organization.secret_hashes)
        require_enabled(organization, principal.name)
        return principal

    def _require_unrevoked(self, principal: Principal) -> None:
        """End the open streams of a user whose secret was renewed or who was removed."""
        if not principal.name:
            return
        organization = self._engine.published.organization
        require_enabled(organization, principal.name)
        if organization.secret_hashes.get(principal.name) != principal.secret_hash:
            raise errors.Unauthenticated(
                f"the secret of {principal.name!r} was changed: sign in again", reason="TOKEN_EXPIRED"
            )

    def _slot(
        self, permission: Permission | None, principal: Principal, context: CallContext
    ) -> contextlib.AbstractContextManager[None]:
        limits, streams = self._limits, "open streams of one user"
        if principal.computer_of:
            return self.open_streams.taken(
                f"computer {principal.computer_of}", limits.streams_per_computer, "open streams of one computer"
            )
        if principal.companion:
            return contextlib.nullcontext()
        if principal.administrator:
            return self.open_streams.taken(f"user {principal.name}", limits.streams_per_administrator, streams)
        if principal.name:
            return self.open_streams.taken(f"user {principal.name}", limits.streams_per_technician, streams)
        source = source_of(peer_of(context))
        if permission is Permission.APPLET:
            return self.open_streams.taken(f"applets {source}", limits.attachments_per_peer, "attachments of one peer")
        return self.open_streams.taken(
            f"anybody {source}", limits.anonymous_streams_per_peer, "open streams of a peer that is not signed in"
        )


def _refusal_of(error: Exception) -> errors.RescueError | None:
    """Return what to answer; None for an unexpected error, which is logged. Raises errors of gRPC as they are."""
    match error:
        case errors.RescueError():
            # It is kept for a retry of its request. Its traceback would keep the whole request as well.
            error.__traceback__ = error.__context__ = None
            return error
        case DecodeError():
            return errors.InvalidArgument.of("request", "these bytes are no such message")
        case grpc.aio.AbortError() | grpc.aio.BaseError():
            raise error
    log.error("a call failed", exc_info=error)
    return None


def _lenient(deserializer: Any) -> Any:
    """Accept bytes that are no message: gRPC itself would answer them with an error that blames the server."""

    def deserialize(data: bytes) -> Any:
        try:
            return deserializer(data)
        except DecodeError:
            return _Malformed()

    return deserialize


def _require_message(request: Any) -> None:
    if isinstance(request, _Malformed):
        raise errors.InvalidArgument.of("request", "these bytes are no such message")


async def _abort(context: CallContext, refusal: errors.RescueError | None) -> NoReturn:
    if refusal is None:
        await context.abort(grpc.StatusCode.INTERNAL, "the server failed; its log says how")
    await context.abort(*to_status(refusal))
