"""The library for tests that do not await: the same World, Technician and Computer, driven from a thread.

    with SyncWorld() as world:
        alice = world.technician("alice")
        session, pin = alice.pin("Customer")
        computer = world.computer(pin=pin)
        with computer.lan_off():
            world.advance(minutes=1)
            alice.sees(session, "Reconnecting")

No second implementation: every call is made on one event loop that runs in the background, and waited for.
`blocking.pyi` says to type checkers what that makes of each method; a test compares it with the classes.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
from collections.abc import Awaitable, Callable
from functools import cache, wraps
from types import TracebackType
from typing import Any

from rescue_client.admin import AdminClient
from rescue_client.clock import ClockClient
from rescue_client.faults import FaultClient
from rescue_emulator.world.computer import Computer
from rescue_emulator.world.technician import Technician
from rescue_emulator.world.world import World

__all__ = ["SyncAdmin", "SyncClock", "SyncComputer", "SyncFaults", "SyncTechnician", "SyncWorld"]


def _loop() -> asyncio.AbstractEventLoop:
    """Return the loop in the background; one serves all worlds and ends with the process."""
    return _loop_of(os.getpid())  # no thread outlives a fork


@cache
def _loop_of(process: int) -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="rescue worlds", daemon=True).start()
    return loop


def _wait(work: Awaitable[Any]) -> Any:
    async def run() -> Any:
        return await work

    future = asyncio.run_coroutine_threadsafe(run(), _loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()  # Ctrl-C, a test's time-out: what was waited for is not wanted any more
        raise


def _call(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a method on the loop, and wait if it returns something to wait for."""

    async def run() -> Any:
        result = method(*map(_bare, args), **{name: _bare(value) for name, value in kwargs.items()})
        if not inspect.isawaitable(result):
            return result
        # What can be awaited or entered means the same by both; leaving it is what remains to be done.
        awaited = await result
        return _Entered(result) if hasattr(result, "__aexit__") else awaited

    return _dressed(_wait(run()))


class _Entered:
    """Something that lasts for a block, and has begun."""

    def __init__(self, lasting: Any) -> None:
        self._lasting = lasting

    def __enter__(self) -> None:
        """It has begun already."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _wait(self._lasting.__aexit__(kind, error, trace))


class _Sync:
    """Stands for an object of the library; whatever it can do, this can, without awaiting."""

    def __init__(self, bare: Any) -> None:
        self._bare = bare

    def __getattr__(self, name: str) -> Any:
        async def look() -> Any:
            return getattr(self._bare, name)  # on the loop: what it makes may belong to that

        value = _wait(look())
        if not inspect.ismethod(value):
            return _dressed(value)

        @wraps(value)
        def call(*args: Any, **kwargs: Any) -> Any:
            return _call(value, *args, **kwargs)

        return call


class SyncTechnician(_Sync):
    """A `Technician`."""


class SyncComputer(_Sync):
    """A `Computer`."""


class SyncAdmin(_Sync):
    """An `AdminClient`."""


class SyncClock(_Sync):
    """A `ClockClient`."""


class SyncFaults(_Sync):
    """A `FaultClient`."""


class SyncWorld(_Sync):
    """A `World`, entered with `with`."""

    def __init__(self, world: World | None = None, **options: Any) -> None:
        super().__init__(world if world is not None else World(**options))

    @classmethod
    def attached(cls, **options: Any) -> SyncWorld:
        """See `World.attached`."""
        return cls(World.attached(**options))

    def __enter__(self) -> SyncWorld:
        _wait(self._bare.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _wait(self._bare.__aexit__(kind, error, trace))


_FACES: dict[type, type[_Sync]] = {
    World: SyncWorld,
    Technician: SyncTechnician,
    Computer: SyncComputer,
    AdminClient: SyncAdmin,
    ClockClient: SyncClock,
    FaultClient: SyncFaults,
}


def _dressed(value: Any) -> Any:
    if isinstance(value, tuple) and type(value) is tuple:
        return tuple(map(_dressed, value))
    face = _FACES.get(type(value))
    return face(value) if face else value


def _bare(value: Any) -> Any:
    return value._bare if isinstance(value, _Sync) else value
