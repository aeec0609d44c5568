"""The synchronous API, for tests that do not await: SyncWorld, SyncTechnician and SyncComputer.

    with SyncWorld() as world:
        alice = world.technician("alice")
        session, pin = alice.pin("Customer")
        computer = world.computer(pin=pin)
        with computer.lan_off():
            world.advance(minutes=1)
            alice.sees(session, "Reconnecting")

It is no second implementation. Each call runs on an event loop in a background thread, and the caller waits for the
result. `sync.pyi` has the types of each method; a test generates it from the async classes and compares.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
import time
from collections.abc import Awaitable, Callable
from functools import cache, wraps
from types import TracebackType
from typing import Any

from rescue_client.admin import AdminClient
from rescue_client.clock import ClockClient
from rescue_client.faults import FaultClient
from rescue_emulator.world.api import WorldApi
from rescue_emulator.world.computer import Computer
from rescue_emulator.world.technician import Technician
from rescue_emulator.world.world import World

__all__ = ["SyncAdmin", "SyncApi", "SyncClock", "SyncComputer", "SyncFaults", "SyncTechnician", "SyncWorld"]


class _RealTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose timers run on even if a test has frozen the time of this process."""

    def time(self) -> float:
        return time.clock_gettime(time.CLOCK_MONOTONIC)  # which freezegun and time-machine leave alone


def _loop() -> asyncio.AbstractEventLoop:
    """Return the background loop; one loop serves all worlds and ends with the process."""
    return _loop_of(os.getpid())  # no thread outlives a fork


@cache
def _loop_of(process: int) -> asyncio.AbstractEventLoop:
    loop = _RealTimeLoop()
    threading.Thread(target=loop.run_forever, name="rescue worlds", daemon=True).start()
    return loop


def _wait(work: Awaitable[Any]) -> Any:
    async def run() -> Any:
        return await work

    future = asyncio.run_coroutine_threadsafe(run(), _loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()  # Ctrl-C or a test's timeout: nobody needs the result any more
        raise


def _call(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a method on the loop; if it returns an awaitable, wait for the result."""

    async def run() -> Any:
        result = method(*map(_unwrap, args), **{name: _unwrap(value) for name, value in kwargs.items()})
        if not inspect.isawaitable(result):
            return result
        # LanOff and LanFault can be awaited or entered, with the same effect. Only the exit remains for `with`.
        awaited = await result
        return _Entered(result) if hasattr(result, "__aexit__") else awaited

    return _wrap(_wait(run()))


class _Entered:
    """An async context that was entered already; `with` leaves it."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def __enter__(self) -> None:
        """Do nothing: it was entered when the method was called."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _wait(self._context.__aexit__(kind, error, trace))


class _Sync:
    """Wraps an object of the async API: the same methods and attributes, without awaiting."""

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        async def get() -> Any:
            return getattr(self._wrapped, name)  # on the loop: a property may create objects that belong to the loop

        value = _wait(get())
        if not inspect.ismethod(value):
            return _wrap(value)

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


class SyncApi(_Sync):
    """A `WorldApi`."""


class SyncFaults(_Sync):
    """A `FaultClient`."""


class SyncWorld(_Sync):
    """A `World`, entered with `with`."""

    def __init__(self, world: World | None = None, **options: Any) -> None:
        super().__init__(world if world is not None else World(**options))

    @classmethod
    def external(cls, **options: Any) -> SyncWorld:
        """See `World.external`."""
        return cls(World.external(**options))

    def __enter__(self) -> SyncWorld:
        _wait(self._wrapped.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _wait(self._wrapped.__aexit__(kind, error, trace))


_SYNC_CLASSES: dict[type, type[_Sync]] = {
    World: SyncWorld,
    Technician: SyncTechnician,
    WorldApi: SyncApi,
    Computer: SyncComputer,
    AdminClient: SyncAdmin,
    ClockClient: SyncClock,
    FaultClient: SyncFaults,
}


def _wrap(value: Any) -> Any:
    if isinstance(value, tuple) and type(value) is tuple:
        return tuple(map(_wrap, value))
    wrapper = next((_SYNC_CLASSES[kind] for kind in type(value).__mro__ if kind in _SYNC_CLASSES), None)
    return wrapper(value) if wrapper else value


def _unwrap(value: Any) -> Any:
    return value._wrapped if isinstance(value, _Sync) else value
