"""One service of the contract, called over a connection."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Generic, Protocol, TypeVar

import grpc

from rescue_client.channel import Metadata, within
from rescue_client.connection import Connection, Method
from rescue_client.deadlines import Deadline

Stub = TypeVar("Stub")
Request = TypeVar("Request")
Reply = TypeVar("Reply")
RequestT = TypeVar("RequestT", contravariant=True)
ReplyT = TypeVar("ReplyT", covariant=True)


class UnaryMethod(Protocol[RequestT, ReplyT]):
    """A method of a stub that takes one message and returns one."""

    def __call__(self, request: RequestT, /, *, metadata: Metadata) -> Awaitable[ReplyT]: ...


class ServiceClient(Generic[Stub]):
    """One service of the contract, called over a connection. `timeout` limits one call, in real seconds."""

    def __init__(self, connection: Connection, stub: Callable[[grpc.aio.Channel], Stub], *, timeout: float) -> None:
        self.connection = connection
        self._stub = stub
        self._timeout = timeout

    async def call_idempotent(
        self,
        method: Callable[[Stub], UnaryMethod[Request, Reply]],
        request: Request,
        *,
        timeout: float | None = None,
    ) -> Reply:
        """Call a method that may be called twice, again and again while the server is away. Raises RescueError."""
        return await self.connection.call_idempotent(self._bound(method, request, timeout=timeout or self._timeout))

    async def call_once(self, method: Callable[[Stub], UnaryMethod[Request, Reply]], request: Request) -> Reply:
        """Call a method that must not be called twice. Raises RescueError."""
        return await self.connection.call_once(self._bound(method, request, timeout=self._timeout))

    def stream(
        self, method: Callable[[Stub], Callable[..., Any]], request: object, *, deadline: Deadline | None = None
    ) -> AsyncGenerator[Any, None]:
        """Deliver the messages of a server stream, as `Connection.stream` does."""
        return self.connection.stream(
            lambda channel, metadata: method(channel.stub(self._stub))(request, metadata=metadata), deadline=deadline
        )

    def _bound(
        self, method: Callable[[Stub], UnaryMethod[Request, Reply]], request: Request, *, timeout: float
    ) -> Method[Reply]:
        return lambda channel, metadata: within(timeout, method(channel.stub(self._stub))(request, metadata=metadata))
