"""Around every call: who it is, whether he may, and what an error becomes.

An interceptor wraps each handler once. Handlers raise RescueError and ask `caller()` who called.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypeAlias

import grpc

from rescue_protos.codes import Fault
from rescue_server import errors
from rescue_server.core.organization import Organization
from rescue_server.rpc.rules import RULES, Rule
from rescue_server.runtime.acts import admit
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.identity import Principal, Tokens

log = logging.getLogger(__name__)
_caller: ContextVar[Principal] = ContextVar("caller")
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

_CODES: tuple[tuple[type[errors.RescueError], str], ...] = (
    (errors.Refusal, "FAILED_PRECONDITION"),
    (errors.Unknown, "NOT_FOUND"),
    (errors.AlreadyThere, "ALREADY_EXISTS"),
    (errors.BadValue, "INVALID_ARGUMENT"),
    (errors.RequestReused, "INVALID_ARGUMENT"),
    (errors.NotAuthenticated, "UNAUTHENTICATED"),
    (errors.NotPermitted, "PERMISSION_DENIED"),
    (errors.LimitReached, "RESOURCE_EXHAUSTED"),
    (errors.ShuttingDown, "UNAVAILABLE"),
)


def caller() -> Principal:
    """Return who called the handler that runs now."""
    return _caller.get()


def fault_of(error: errors.RescueError) -> Fault:
    """Describe an error for the wire."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "INTERNAL")
    if isinstance(error, errors.StoreTrouble):
        code = "RESOURCE_EXHAUSTED" if error.full else "UNAVAILABLE"
    possible = error.possible if isinstance(error, errors.Refusal) else ()
    fields = {error.field: error.wrong} if isinstance(error, errors.BadValue) else {}
    return Fault(
        code=code,
        reason=error.reason,
        message=str(error),
        metadata=error.metadata,
        possible=possible,
        fields=fields,
    )


class Guard(grpc.aio.ServerInterceptor):
    """Checks the rule of a method before its handler runs, and translates what it raises."""

    def __init__(self, engine: Engine, tokens: Tokens) -> None:
        self._engine = engine
        self._tokens = tokens

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Wrap the method's handler."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return handler
        method = handler_call_details.method
        rule = RULES.get(method if isinstance(method, str) else method.decode())
        coders = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._unary(handler.unary_unary, rule), **coders)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._stream(handler.unary_stream, rule), **coders)
        return grpc.stream_stream_rpc_method_handler(self._stream(handler.stream_stream, rule), **coders)

    def _unary(self, behavior: Any, rule: Rule | None) -> Any:
        async def guarded(request: Any, context: Context) -> Any:
            try:
                _caller.set(self._admit(rule, context))
                return await behavior(request, context)
            except errors.RescueError as error:
                await _abort(context, error)
            except (grpc.aio.AbortError, grpc.aio.BaseError):
                raise
            except Exception:
                log.exception("a call failed")
                await context.abort(grpc.StatusCode.INTERNAL, "the server failed; its log says how")

        return guarded

    def _stream(self, behavior: Any, rule: Rule | None) -> Any:
        async def guarded(request: Any, context: Context) -> AsyncIterator[Any]:
            try:
                _caller.set(self._admit(rule, context))
                async for message in behavior(request, context):
                    yield message
            except errors.RescueError as error:
                await _abort(context, error)
            except (grpc.aio.AbortError, grpc.aio.BaseError):
                raise
            except Exception:
                log.exception("a stream failed")
                await context.abort(grpc.StatusCode.INTERNAL, "the server failed; its log says how")

        return guarded

    def _admit(self, rule: Rule | None, context: Context) -> Principal:
        if rule is None:
            raise errors.NotPermitted("this method has no rule: nobody may call it")
        if rule in (Rule.ANYBODY, Rule.APPLET):
            return Principal(name="", administrator=False)
        metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        if rule is Rule.USER_OR_COMPUTER and "rescue-ticket" in metadata:
            admit(self._engine.published, metadata.get("rescue-session", ""), metadata["rescue-ticket"])
            return Principal(name="", administrator=False)
        principal = self._user(metadata.get("authorization", ""), self._engine.published.organization)
        if rule is Rule.ADMINISTRATOR and not principal.administrator:
            raise errors.NotPermitted(f"{principal.name} is no administrator")
        if rule is Rule.TECHNICIAN and principal.administrator:
            raise errors.NotPermitted(f"{principal.name} is an administrator and has no queue: sign in as a technician")
        return principal

    def _user(self, authorization: str, organization: Organization) -> Principal:
        scheme, _, token = authorization.partition(" ")
        if scheme != "Bearer" or not token:
            raise errors.NotAuthenticated("no token was sent: sign in first", reason="TOKEN_MISSING")
        name, secret_hash = self._tokens.user_of(token)
        if organization.secret_hashes.get(name) != secret_hash:
            raise errors.NotAuthenticated(f"the secret of {name!r} was changed: sign in again", reason="TOKEN_EXPIRED")
        return Principal(name=name, administrator=name in organization.administrators)


async def _abort(context: Context, error: errors.RescueError) -> None:
    code, message, trailing = fault_of(error).to_grpc()
    await context.abort(code, message, trailing)
