"""How this package's clients call the server: as one user, outlasting a short absence of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import grpc

from rescue_client.channel import Metadata, SignedIn, open_channel
from rescue_common.state_directory import NoAccess, adopt_tls, find_secret, find_server
from rescue_common.tls import Tls
from rescue_protos.errors import Unauthenticated, Unavailable

Answer = TypeVar("Answer")
Method = Callable[[Metadata], Awaitable[Answer]]
Locate = Callable[[], tuple[str, str]]
"""Returns the server's HOST:PORT and the user's secret; may raise NoAccess while neither is known."""


class Caller:
    """Calls of one user. `patience` is real time: for how long an absent server is waited for.

    A server that comes back may have another port, and the user another secret: `locate` is asked after each
    failure; without it both stay. `tls` says how to speak TLS, at each dialling. Use a caller as a context, or
    `close` it.
    """

    def __init__(
        self,
        address: str,
        *,
        user: str,
        secret: str,
        patience: timedelta,
        locate: Locate | None = None,
        tls: Callable[[], Tls | None] = Tls.of_environment,
    ) -> None:
        self._user = user
        self._tls = tls
        self._patience = patience.total_seconds()
        self._locate = locate
        self._place = (address, secret)
        self._left: list[grpc.aio.Channel] = []
        self._dial()

    @classmethod
    def find(
        cls, *, user: str, server: str | None, data: str | Path | None, patience: timedelta = timedelta(0)
    ) -> Self:
        """Find the server and the secret as every client does (options, environment, state directory).

        Raises NoAccess.
        """

        def locate() -> tuple[str, str]:
            adopt_tls(server=server, data=data)
            return find_server(server=server, data=data), find_secret(user, data=data)

        address, secret = locate()
        return cls(address, user=user, secret=secret, patience=patience, locate=locate)

    @property
    def address(self) -> str:
        """The server's HOST:PORT, as far as known."""
        return self._place[0]

    @property
    def channel(self) -> grpc.aio.Channel:
        """The grpc channel to where the server is now: to be asked for at each call."""
        return self._signed_in.channel

    def look_again(self) -> bool:
        """A call failed: look where the server is now, and return whether that, or the secret, is another."""
        before = self._place
        if self._locate is not None:
            # While the server is about to write it, the last place known is as good as any.
            with contextlib.suppress(NoAccess):
                self._place = self._locate()
        if self._place == before:
            return False
        # To close a channel cancels who still waits on it: what is left behind is closed in the end.
        self._left.append(self.channel)
        self._dial()
        return True

    def _dial(self) -> None:
        address, secret = self._place
        self._signed_in = SignedIn(open_channel(address, tls=self._tls), user=self._user, secret=secret)

    async def close(self) -> None:
        """Close the connection; what is under way is cancelled."""
        for channel in (self.channel, *self._left):
            await channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def repeatedly(self, method: Method[Answer]) -> Answer:
        """Call a method that may be called twice, again and again while the server is away. Raises RescueError."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        while True:
            signed_in = self._signed_in
            try:
                return await signed_in.call(method)
            except Unauthenticated:
                if not self.look_again() and signed_in is self._signed_in:
                    raise
            except Unavailable:
                self.look_again()
                if loop.time() >= until:
                    raise
                await asyncio.sleep(0.1)  # the grpc channel has its own back-off; this only asks it again

    async def metadata(self) -> Metadata:
        """Return what a stream must carry; signs in if that was not done yet. Raises RescueError."""
        return await self._signed_in.metadata()

    async def is_administrator(self) -> bool:
        """Return whether this user is one; proves the secret. Raises RescueError."""
        await self.repeatedly(self._nothing)
        return self._signed_in.administrator

    def forget_token(self) -> None:
        """The token was not accepted: sign in again before the next call."""
        self._signed_in.forget_token()

    async def once(self, method: Method[Answer]) -> Answer:
        """Call a method that must not be called twice; only the signing in is repeated. Raises RescueError."""
        await self.repeatedly(self._nothing)
        try:
            return await self._signed_in.call(method)
        except Unavailable:
            self.look_again()
            raise

    async def _nothing(self, metadata: Metadata) -> None:
        """Signing in was all that was wanted."""
