"""Being connected to wherever the server is now: one grpc channel at a time, signed in, replaced when it fails.

A server that restarts may have another port and, after its secret was renewed, a technician another secret, so
both are looked up again after each failure. A grpc channel is closed only when no call of ours is on it any
more: gRPC would report such a call as a cancelled task.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import grpc

from rescue_client.channel import Metadata, SignedIn, open_channel
from rescue_common.state_directory import NoAccess
from rescue_protos.errors import RescueError, Unauthenticated, Unavailable
from rescue_protos.v1 import console_pb2_grpc

if TYPE_CHECKING:
    from rescue_protos.v1.console_pb2_grpc import ConsoleServiceAsyncStub

Locate = Callable[[], tuple[str, str]]
"""Returns the server's HOST:PORT and the technician's secret; may raise NoAccess while neither is known."""

Answer = TypeVar("Answer")

_LONGEST_ATTEMPT = 10.0
_FIRST_ATTEMPT = 2.0
_GIVEN_AT: ContextVar[float | None] = ContextVar("given_at", default=None)


@contextmanager
def given_at(moment: float) -> Iterator[None]:
    """Calls in this block were asked for at that moment of the loop's clock: their patience counts from there."""
    token = _GIVEN_AT.set(moment)
    try:
        yield
    finally:
        _GIVEN_AT.reset(token)


def asked_at() -> float:
    """Return when the call that is being made was asked for: now, unless `given_at` says otherwise."""
    given = _GIVEN_AT.get()
    return asyncio.get_running_loop().time() if given is None else given


def pauses() -> Iterator[float]:
    """Return how long to wait, in real seconds, before each next attempt: growing, never more than 0.6."""
    pause = 0.05
    while True:
        # Jitter: all the consoles of a server lose it at the same moment.
        yield pause * random.uniform(0.8, 1.2)
        pause = min(2 * pause, 0.5)


class Dial:
    """One grpc channel to one address, and who is signed in on it."""

    def __init__(self, *, address: str, technician: str, secret: str) -> None:
        self.place = (address, secret)
        self.channel = open_channel(address)
        self.signed_in = SignedIn(self.channel, user=technician, secret=secret)
        self.stub: ConsoleServiceAsyncStub = console_pb2_grpc.ConsoleServiceStub(self.channel)
        self.users = 0

    @property
    def works(self) -> bool:
        """True if the connection is up; a call that failed on it all the same was refused by the server."""
        return self.channel.get_state() is grpc.ChannelConnectivity.READY


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call is tried again: until `give_up`, on the loop's clock."""

    give_up: float

    def attempt(self, *, first: bool) -> float:
        """Return how long one attempt may take. The first always gets a fair chance."""
        left = self.give_up - asyncio.get_running_loop().time()
        return min(_LONGEST_ATTEMPT, max(left, _FIRST_ATTEMPT if first else 0.1))

    def has(self, pause: float) -> bool:
        """Return whether there is time for another attempt after a pause."""
        return asyncio.get_running_loop().time() + pause < self.give_up


class Connection:
    """A technician's way to the server."""

    def __init__(
        self, *, technician: str, address: str, secret: str, locate: Locate | None, patience: timedelta
    ) -> None:
        self._technician = technician
        self._place = (address, secret)
        self._locate = locate
        self._patience = patience.total_seconds()
        self._dial: Dial | None = None
        self._answered_at = float("-inf")
        self._closed = False

    async def close(self) -> None:
        """Close the grpc channel, whatever is still on it."""
        self._closed = True
        dial, self._dial = self._dial, None
        if dial is not None:
            await dial.channel.close()

    @asynccontextmanager
    async def dialled(self) -> AsyncIterator[Dial]:
        """Hold the current grpc channel; it stays open at least as long as this block."""
        if self._closed:
            raise _closed()
        if self._dial is None:
            address, secret = self._place
            self._dial = Dial(address=address, technician=self._technician, secret=secret)
        dial = self._dial
        dial.users += 1
        try:
            yield dial
        finally:
            dial.users -= 1
            if dial is not self._dial and not dial.users:
                await dial.channel.close()

    def look_again(self, dial: Dial) -> bool:
        """A call on `dial` failed: look where the server is now, and open a fresh grpc channel for the next call
        if the place is another or the connection is down. Return whether the place is another.
        """
        if self._locate is not None:
            # While the server is about to write it, the last place known is as good as any.
            with suppress(NoAccess):
                self._place = self._locate()
        moved = dial.place != self._place
        if self._dial is dial and (moved or not dial.works):
            self._dial = None
        return moved

    def patience(self) -> Patience:
        """Return the patience of a call that is asked for now (or in `given_at`)."""
        # Who had to queue behind commands that the server did answer has not waited for the server.
        return Patience(max(asked_at(), self._answered_at) + self._patience)

    def raise_if_closed_under_us(self) -> None:
        """To be called on CancelledError: raise Unavailable if `close` cancelled the call and nobody the task."""
        task = asyncio.current_task()
        if self._closed and task is not None and not task.cancelling():
            raise _closed() from None

    async def call(self, method: Callable[[ConsoleServiceAsyncStub, Metadata], Awaitable[Answer]]) -> Answer:
        """Await `method(stub, metadata)`, again and again while the server is away.

        Raises RescueError; Unavailable when the patience is over.
        """
        patience, pause = self.patience(), pauses()
        first = True
        while True:
            try:
                answer = await self._attempt(method, limit=patience.attempt(first=first))
            except Unavailable:
                wait = next(pause)
                if self._closed or not patience.has(wait):
                    raise
                await asyncio.sleep(wait)
            except RescueError:
                self._answered_at = asyncio.get_running_loop().time()
                raise
            else:
                self._answered_at = asyncio.get_running_loop().time()
                return answer
            first = False

    async def _attempt(
        self, method: Callable[[ConsoleServiceAsyncStub, Metadata], Awaitable[Answer]], *, limit: float
    ) -> Answer:
        async with self.dialled() as dial:
            try:
                async with asyncio.timeout(limit):
                    return await dial.signed_in.call(lambda metadata: method(dial.stub, metadata))
            except TimeoutError:
                self.look_again(dial)
                raise Unavailable("the server does not answer", reason="NO_ANSWER") from None
            except Unauthenticated:
                if not self.look_again(dial):
                    raise
            except Unavailable:
                self.look_again(dial)
                raise
            except asyncio.CancelledError:
                self.raise_if_closed_under_us()
                raise
        return await self._attempt(method, limit=limit)  # with the new secret


def _closed() -> Unavailable:
    return Unavailable("the console was closed", reason="CONSOLE_CLOSED")
