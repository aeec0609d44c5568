"""Wrapping the methods of a server once, when they are registered.

An interceptor of grpc.aio runs at each call and makes the wrapped handler anew each time. The same wrappers around
registered methods cost nothing at a call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import grpc

RpcHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
WrapMethod: TypeAlias = Callable[[str, RpcHandler], RpcHandler]  # gets the method's path


class Registration:
    """The part of a server that the generated `add_…_to_server` use: it wraps each method, outermost first."""

    def __init__(self, server: grpc.aio.Server, wrappers: Sequence[WrapMethod]) -> None:
        self._methods = _Methods(wrappers)
        self.prepare = self._methods.prepare
        server.add_generic_rpc_handlers([self._methods])

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        self._methods.services += handlers

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, RpcHandler]) -> None:
        """Do nothing: the generic handler has these methods, too.

        For each call grpc.aio waits for the next call of each registered method, one task a method. With our methods
        that is a tenth of a command's cost.
        """


@dataclass(frozen=True, slots=True)
class _Asked:
    method: str
    invocation_metadata: tuple[tuple[str, str], ...] = ()


class _Methods(grpc.GenericRpcHandler):
    """The methods of all services. Each is wrapped at its first call; a method that does not exist leaves nothing."""

    def __init__(self, wrappers: Sequence[WrapMethod]) -> None:
        self.services: list[grpc.GenericRpcHandler] = []
        self._wrappers = tuple(wrappers)
        self._known: dict[str, RpcHandler] = {}

    def prepare(self, path: str) -> None:
        """Wrap a method before its first call."""
        self.service(cast("grpc.HandlerCallDetails", _Asked(path)))

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> RpcHandler | None:
        """Return the method's handler; None if no service has it."""
        method = handler_call_details.method
        path = method if isinstance(method, str) else method.decode()
        if (known := self._known.get(path)) is not None:
            return known
        for service in self.services:
            handler: RpcHandler | None = service.service(handler_call_details)
            if handler is not None:
                return self._known.setdefault(path, self._wrap(path, handler))
        return None

    def _wrap(self, path: str, handler: RpcHandler) -> RpcHandler:
        for wrap in reversed(self._wrappers):
            handler = wrap(path, handler)
        return handler
