"""The connection of one user to the server, wherever the server is now.

A server that restarts can have another port, and a user whose secret was renewed has another secret. Therefore a
connection looks both up again after each failure. If several servers are known, it uses one while that one works, and
then another. It uses one grpc channel at a time and opens another one when that one fails. It closes a channel when its
last call has ended, because gRPC cancels the tasks of the calls on a channel that is closed.
"""

from __future__ import annotations

import asyncio
import operator
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeGuard, TypeVar

import grpc

from rescue_client.channel import Metadata, SignedInChannel, Token, open_channel
from rescue_client.deadlines import AttemptLimit, Deadline, retry_delays
from rescue_common.server_list import ServerList, read_addresses
from rescue_common.state_directory import NoAccess, find_secret, find_servers, find_tls
from rescue_common.tls import Tls
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import LEADER, RescueError, StorageUnavailable, Unauthenticated, Unavailable

Reply = TypeVar("Reply")

Locate = Callable[[], tuple[str, str]]
"""Returns the servers' HOST:PORT, separated by commas, and the user's secret. Raises NoAccess while one is unknown."""

Method = Callable[[SignedInChannel, Metadata], Awaitable[Reply]]
"""One call over a channel. It must send the metadata."""

TIMEOUT = timedelta(seconds=30)
"""How long a call waits for a server that is away, in real time."""

WRONG_SECRET = "WRONG_SECRET"
"""The reason of a refused sign-in that another server may accept."""

NO_WAIT = timedelta(0)
"""A timeout: a call fails at once if the server is away."""


class Connection:
    """The calls of one user. Use it as a context, or `close` it.

    `address` is the server's HOST:PORT; several servers are separated by commas, and one of them is used at a time.
    `timeout` limits, in real time, how long a call waits for a server that is away. `locate` is called after each
    failure; without it the address and the secret stay as they are. `tls` returns the TLS files of a new grpc channel.
    `visitor` is the address of the person for whom a program signs in; the server believes programs of its own machine.
    `acts_for` is the user who has a companion of the server act upon this one; the secret is then the companion's key.
    `first_is_near`: several servers are tried in their order; otherwise one of them is chosen at random.
    """

    def __init__(
        self,
        address: str,
        *,
        user: str,
        secret: str,
        timeout: timedelta = TIMEOUT,
        locate: Locate | None = None,
        tls: Callable[[], Tls | None] = Tls.of_environment,
        visitor: str = "",
        acts_for: str = "",
        first_is_near: bool = False,
    ) -> None:
        self.user = user
        self.timeout = timeout
        choose = operator.itemgetter(0) if first_is_near else random.choice
        self._servers = ServerList(read_addresses(address), choose=choose)
        self._refused_by: set[str] = set()
        self._secret = secret
        self._token = Token()
        self._locate = locate
        self._tls = tls
        self._visitor = visitor
        self._acts_for = acts_for
        self._current: _SharedChannel | None = None
        self._open: set[_SharedChannel] = set()
        """The current channel, and the channels that were replaced and still have calls."""
        self._answered_at = float("-inf")
        self._closed = False

    @classmethod
    def find(
        cls,
        *,
        user: str,
        secret: str | None = None,
        server: str | None = None,
        data: str | Path | None = None,
        timeout: timedelta = TIMEOUT,
        visitor: str = "",
        acts_for: str = "",
        first_is_near: bool = False,
    ) -> Self:
        """Find the server, the TLS files and the secret as every program does: option, environment, state directory.

        With `secret`, only the server and the TLS files are looked up. Raises NoAccess.
        """

        def locate() -> tuple[str, str]:
            addresses = ",".join(find_servers(server=server, data=data))
            # An empty secret is a wrong one: it must not become the one that the state directory has.
            return addresses, find_secret(user, data=data) if secret is None else secret

        address, first_secret = locate()
        tls = partial(find_tls, server=server, data=data)
        return cls(
            address,
            user=user,
            secret=first_secret,
            timeout=timeout,
            locate=locate,
            tls=tls,
            visitor=visitor,
            acts_for=acts_for,
            first_is_near=first_is_near,
        )

    def beside(self, server: str, *, user: str, secret: str) -> Connection:
        """Return a connection to another server, with this one's TLS files. A server ":PORT" is on the same host."""
        host = self.address.rpartition(":")[0]
        return Connection(host + server if server.startswith(":") else server, user=user, secret=secret, tls=self._tls)

    @property
    def address(self) -> str:
        """HOST:PORT of the server in use, as last known."""
        return self._servers.current

    async def close(self) -> None:
        """Close every grpc channel. Calls that are under way are cancelled."""
        self._closed = True
        self._current = None
        for shared in tuple(self._open):
            await self._close(shared)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[SignedInChannel]:
        """Use the current grpc channel. It stays open at least until this block ends. Raises BadTls, Unavailable."""
        if self._closed:
            raise _connection_closed()
        if self._current is None:
            self._current = self._open_channel()
        async with self._in_use(self._current) as channel:
            yield channel

    def relocate(self, channel: SignedInChannel, failure: RescueError | None = None) -> bool:
        """Look up where the server is, after a call on `channel` failed. Return whether that, or the secret, is new.

        If the server was not available, another one is used if there is one: the one that the failure names, else the
        next. So it is if a server refused the secret and the others were not asked yet. The next call gets a new grpc
        channel if something is new or the connection is down.
        """
        if self._locate is not None:
            # While the server is about to write the location, the last known one is as good as any.
            with suppress(NoAccess):
                addresses, self._secret = self._locate()
                self._servers.update(read_addresses(addresses))
        shared = self._shared(channel)
        if shared is not None and self._goes_elsewhere(failure, shared.location[0]):
            self._servers.leave(shared.location[0], named=failure.metadata.get(LEADER, ""))
            if self._servers.current != shared.location[0]:
                channel.leave()
        has_moved = shared is None or shared.location != self._location
        if self._current is shared and (has_moved or not channel.is_ready):
            self._current = None
        return has_moved

    @property
    def _location(self) -> tuple[str, str]:
        return self._servers.current, self._secret

    def deadline(self) -> Deadline:
        """Return the deadline of a call that begins now."""
        return Deadline.after(self.timeout)

    def expires_at(self, deadline: Deadline) -> float:
        """Return when a deadline expires, as a moment of the event loop's clock."""
        return max(deadline.since, self._answered_at) + deadline.timeout

    async def call_idempotent(
        self, method: Method[Reply], *, deadline: Deadline | None = None, limit: AttemptLimit | None = None
    ) -> Reply:
        """Call a method that may be called twice, again and again while the server is away.

        Raises RescueError; Unavailable after the deadline, which is by default the timeout of this connection.
        """
        loop = asyncio.get_running_loop()
        expires_at, delays = self.expires_at(deadline or self.deadline()), retry_delays()
        is_first = True
        tried: set[str] = set()
        while True:
            longest = limit.within(expires_at - loop.time(), is_first=is_first) if limit else None
            tried.add(self.address)
            try:
                reply = await self._attempt(method, longest)
            except Unavailable:
                if not self._closed and self.address not in tried:
                    continue  # each server gets its turn, also if there is no time to wait
                tried.clear()
                delay = next(delays)
                if self._closed or loop.time() + delay >= expires_at:
                    raise
                await asyncio.sleep(delay)
            except RescueError:
                self._answered_at = loop.time()
                raise
            else:
                self._answered_at = loop.time()
                return reply
            is_first = False

    async def call_once(self, method: Method[Reply]) -> Reply:
        """Call a method that must not be called twice; only the sign-in is repeated. Raises RescueError."""
        await self.sign_in()
        async with self.channel() as channel:
            try:
                return await channel.call(method)
            except Unavailable as error:
                self.relocate(channel, error)
                raise
            except asyncio.CancelledError:
                self.raise_if_closed()
                raise

    async def stream(
        self, method: Callable[[SignedInChannel, Metadata], Any], *, deadline: Deadline | None = None
    ) -> AsyncGenerator[Any, None]:
        """Deliver the messages of a server stream; close the generator.

        `method` starts the stream. That is tried again until the first message arrives, as with `call_idempotent`; the
        error of a stream that breaks later is raised. Raises RescueError.
        """
        async with AsyncExitStack() as holding:

            async def first(channel: SignedInChannel, metadata: Metadata) -> tuple[Any, Any]:
                call = method(channel, metadata)
                message = await call.read()
                shared = self._shared(channel)
                if shared is None:
                    raise _connection_closed()
                await holding.enter_async_context(self._in_use(shared))
                return call, message

            call, message = await self.call_idempotent(first, deadline=deadline)
            try:
                while message is not grpc.aio.EOF:
                    yield message
                    try:
                        message = await call.read()
                    except grpc.RpcError as error:
                        raise from_rpc_error(error) from None
                    except asyncio.CancelledError:
                        self.raise_if_closed()
                        raise
            finally:
                call.cancel()

    async def sign_in(self, *, deadline: Deadline | None = None, limit: AttemptLimit | None = None) -> None:
        """Prove who the user is. Raises RescueError; Unauthenticated at once if the secret is wrong."""
        await self.call_idempotent(_sign_in, deadline=deadline, limit=limit)

    async def is_administrator(self) -> bool:
        """Return whether this user is an administrator; signs in. Raises RescueError."""
        return await self.call_idempotent(_is_administrator)

    def raise_if_closed(self, stream_of: SignedInChannel | None = None) -> None:
        """Raise Unavailable if `close` cancelled the current call, and nobody cancelled the task.

        Call it on CancelledError. `stream_of` is the channel of a stream that ends when its server is left.
        """
        task = asyncio.current_task()
        if task is None or task.cancelling():
            return
        if self._closed:
            raise _connection_closed() from None
        if stream_of is not None and stream_of.is_left:
            raise Unavailable("another server is used", reason="SERVER_LEFT") from None

    async def _attempt(self, method: Method[Reply], longest: float | None) -> Reply:
        async with self.channel() as channel:
            try:
                async with asyncio.timeout(longest):
                    reply = await channel.call(method)
                self._refused_by.clear()
                return reply
            except TimeoutError:
                silent = Unavailable("the server does not answer", reason="NO_ANSWER")
                self.relocate(channel, silent)
                raise silent from None
            except Unauthenticated as error:
                if not self.relocate(channel, error):
                    raise
            except Unavailable as error:
                self.relocate(channel, error)
                raise
            except asyncio.CancelledError:
                self.raise_if_closed()
                raise
            except grpc.aio.UsageError:  # the channel was closed before the call began
                if self._closed:
                    raise _connection_closed() from None
                raise
        return await self._attempt(method, longest)  # with the new secret

    def _goes_elsewhere(self, failure: RescueError | None, address: str) -> TypeGuard[RescueError]:
        """Return whether another server may answer. One that could not store the call will try again itself."""
        if isinstance(failure, Unauthenticated):
            return self._is_doubtful(address, failure)
        return isinstance(failure, Unavailable) and not isinstance(failure, StorageUnavailable)

    def _is_doubtful(self, address: str, refusal: Unauthenticated) -> bool:
        """Return whether another server may accept the secret that this one refused.

        While a server is down, a stranger may listen at its address. A server that refuses again, because the others
        said that it leads, is believed; so it is if all others have refused.
        """
        if refusal.reason != WRONG_SECRET or address != self._servers.current:
            return False
        is_final = address in self._refused_by or {*self._servers.addresses} <= {*self._refused_by, address}
        self._refused_by = set() if is_final else {*self._refused_by, address}
        return not is_final

    def _open_channel(self) -> _SharedChannel:
        address, secret = self._location
        channel = SignedInChannel(
            open_channel(address, tls=self._tls),
            user=self.user,
            secret=secret,
            visitor=self._visitor,
            acts_for=self._acts_for,
            token=self._token,
        )
        shared = _SharedChannel(channel=channel, location=self._location)
        self._open.add(shared)
        return shared

    def _shared(self, channel: SignedInChannel) -> _SharedChannel | None:
        return next((shared for shared in self._open if shared.channel is channel), None)

    @asynccontextmanager
    async def _in_use(self, shared: _SharedChannel) -> AsyncIterator[SignedInChannel]:
        """Keep a channel open until this block ends."""
        shared.users += 1
        try:
            yield shared.channel
        finally:
            shared.users -= 1
            if shared is not self._current and not shared.users:
                await self._close(shared)

    async def _close(self, shared: _SharedChannel) -> None:
        self._open.discard(shared)
        await shared.channel.channel.close()


@dataclass(slots=True, kw_only=True, eq=False)
class _SharedChannel:
    """A channel, the location that it was opened for, and the number of its users."""

    channel: SignedInChannel
    location: tuple[str, str]
    users: int = 0


async def _sign_in(channel: SignedInChannel, metadata: Metadata) -> None:
    await channel.sign_in()


async def _is_administrator(channel: SignedInChannel, metadata: Metadata) -> bool:
    await channel.sign_in()
    return channel.administrator


def _connection_closed() -> Unavailable:
    return Unavailable("the connection was closed", reason="CONNECTION_CLOSED")
