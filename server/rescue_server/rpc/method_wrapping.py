"""Wrapping the methods of a server once, when they are registered.

An interceptor of grpc.aio runs at each call and makes the wrapped handler anew each time. The same wrappers around
registered methods cost nothing at a call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

import grpc

RpcHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
WrapMethod: TypeAlias = Callable[[str, RpcHandler], RpcHandler]  # gets the method's path


def wrapped(server: grpc.aio.Server, wrappers: Sequence[WrapMethod]) -> grpc.aio.Server:
    """Return what stands for the server when services are added: each of their methods is wrapped, outermost first."""
    return cast("grpc.aio.Server", _Registration(server, wrappers))


class _Registration:
    """The part of a server that the generated `add_…_to_server` use."""

    def __init__(self, server: grpc.aio.Server, wrappers: Sequence[WrapMethod]) -> None:
        self._server = server
        self._wrappers = tuple(wrappers)

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        self._server.add_generic_rpc_handlers([_WrappedService(handler, self._wrap) for handler in handlers])

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, RpcHandler]) -> None:
        all_wrapped = {name: self._wrap(f"/{service}/{name}", handler) for name, handler in handlers.items()}
        self._server.add_registered_method_handlers(service, all_wrapped)

    def _wrap(self, path: str, handler: RpcHandler) -> RpcHandler:
        for wrap in reversed(self._wrappers):
            handler = wrap(path, handler)
        return handler


class _WrappedService(grpc.GenericRpcHandler):
    """The methods of one service. Each is wrapped at its first call; a method that does not exist leaves nothing."""

    def __init__(self, handler: grpc.GenericRpcHandler, wrap: WrapMethod) -> None:
        self._handler = handler
        self._wrap = wrap
        self._known: dict[str, RpcHandler] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> RpcHandler | None:
        """Return the method's handler; None if it is of another service."""
        method = handler_call_details.method
        path = method if isinstance(method, str) else method.decode()
        known = self._known.get(path)
        if known is None:
            handler: RpcHandler | None = self._handler.service(handler_call_details)
            if handler is None:
                return None
            known = self._known[path] = self._wrap(path, handler)
        return known
