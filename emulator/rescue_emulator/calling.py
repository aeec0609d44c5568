"""How this package's clients call the server: as one user, outlasting a short absence of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import grpc

from rescue_protos.access import adopt_tls, find_secret, find_server
from rescue_protos.codes import Unavailable
from rescue_protos.dialing import Metadata, SignedIn, open_channel

Answer = TypeVar("Answer")
Method = Callable[[Metadata], Awaitable[Answer]]


class Caller:
    """Calls of one user. `patience` is real time: for how long an absent server is waited for.

    Use it as a context, or `close` it.
    """

    def __init__(self, address: str, *, user: str, secret: str, patience: timedelta) -> None:
        self.address = address
        self.channel: grpc.aio.Channel = open_channel(address)
        self._signed_in = SignedIn(self.channel, user=user, secret=secret)
        self._patience = patience.total_seconds()

    @classmethod
    def find(
        cls, *, user: str, server: str | None, data: str | Path | None, patience: timedelta = timedelta(0)
    ) -> Self:
        """Find the server and the secret as every client does (options, environment, state directory).

        Raises NoAccess.
        """
        adopt_tls(server=server, data=data)
        address, secret = find_server(server=server, data=data), find_secret(user, data=data)
        return cls(address, user=user, secret=secret, patience=patience)

    async def close(self) -> None:
        """Close the connection; what is under way is cancelled."""
        await self.channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def repeatedly(self, method: Method[Answer]) -> Answer:
        """Call a method that may be called twice, again and again while the server is away. Raises CallError."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        while True:
            try:
                return await self._signed_in.call(method)
            except Unavailable:
                if loop.time() >= until:
                    raise
                await asyncio.sleep(0.1)  # the grpc channel has its own back-off; this only asks it again

    async def metadata(self) -> Metadata:
        """Return what a stream must carry; signs in if that was not done yet. Raises CallError."""
        return await self._signed_in.metadata()

    async def is_administrator(self) -> bool:
        """Return whether this user is one; proves the secret. Raises CallError."""
        await self.repeatedly(self._nothing)
        return self._signed_in.administrator

    def forget_token(self) -> None:
        """The token was not accepted: sign in again before the next call."""
        self._signed_in.forget_token()

    async def once(self, method: Method[Answer]) -> Answer:
        """Call a method that must not be called twice; only the signing in is repeated. Raises CallError."""
        await self.repeatedly(self._nothing)
        return await self._signed_in.call(method)

    async def _nothing(self, metadata: Metadata) -> None:
        """Signing in was all that was wanted."""
