"""The computer's power, and the process of the applet, which runs only while the computer is on.

The computer is on or down; while it is down no process of the applet exists. If the applet ends unexpectedly, the
computer starts it again. The ticket file keeps what the applet needs after a reboot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from rescue_applet import child_protocol, events
from rescue_applet.applet_child import AppletChild
from rescue_applet.clock import ComputerBarrier, FollowedClock
from rescue_applet.connectivity import Connectivity
from rescue_applet.network.cable import Cable

GOES_DOWN_WITHIN = 3.0  # real seconds
RESTART_DELAY = 0.3  # real seconds
# An applet that dies so often without ever reaching the server will not do better the next time.
HOPELESS = 10


@dataclass(slots=True, eq=False)
class _Reboot:
    """A reboot under way. `after` is emulated; None is held until the boot command."""

    order_id: str
    after: timedelta | None
    barrier: ComputerBarrier | None = None
    prepared: asyncio.Event = field(default_factory=asyncio.Event)
    boot: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerHooks:
    """What the power switch calls of its computer.

    `on_news` gets the applet's news. `first_orders` returns the first orders for each new applet. `start` runs a
    coroutine beside the computer's other tasks. `until_back` waits until the applet has found the server again, or
    cannot.
    """

    on_news: Callable[[child_protocol.News], None]
    first_orders: Callable[[], Iterable[child_protocol.Orders]]
    start: Callable[[Coroutine[None, None, None]], asyncio.Task[None]]
    until_back: Callable[[], Awaitable[None]]


class PowerSwitch:
    """Keeps an applet running while the computer is on. `listener` gets the computer's own events."""

    def __init__(
        self,
        *,
        ticket_file: Path,
        cable: Cable,
        clock: FollowedClock,
        connectivity: Connectivity,
        listener: events.Listener,
        hooks: PowerHooks,
    ) -> None:
        self._ticket_file = ticket_file
        self._cable = cable
        self._clock = clock
        self._connectivity = connectivity
        self._listener = listener
        self._hooks = hooks
        self._applet: AppletChild | None = None
        self._reboot: _Reboot | None = None
        self._next_dies = False
        self._deaths = 0

    @property
    def rebooting(self) -> bool:
        """Whether the computer is down, or on its way there."""
        return self._reboot is not None

    @property
    def runs_applet(self) -> bool:
        """Whether there is a process of the applet."""
        return self._applet is not None

    def send(self, order: child_protocol.Orders) -> None:
        """Send the applet an order, if there is an applet."""
        if self._applet is not None:
            self._applet.send(order)

    def applet_works(self) -> None:
        """Record that the applet has reached the server: an earlier failure has nothing to do with later ones."""
        self._deaths = 0

    async def stay_on(self, over: Callable[[], bool]) -> bool:
        """Run the applet, through reboots. Return True when the session is `over`, False if the applet cannot keep
        running."""
        while True:
            await self._run_applet()
            if over():
                return True
            if self._reboot is not None:
                await self._stay_down(self._reboot)
                continue
            self._deaths += 1
            if self._deaths == HOPELESS:
                return False
            if self._deaths > 1:
                await asyncio.sleep(RESTART_DELAY)

    def go_down(self, *, order_id: str, after: timedelta | None) -> None:
        """Reboot, unless that is under way: back `after` an emulated time, or at the boot command if that is None."""
        if self._reboot is None:
            self._reboot = _Reboot(order_id, after)
            self._hooks.start(self._shut_down(self._reboot))

    def boot(self) -> bool:
        """Boot now. Returns whether there was anything to boot."""
        if self._reboot is None:
            return False
        self._reboot.boot.set()
        return True

    def kill_applet(self) -> None:
        """Kill the applet: the one that runs, or the next."""
        if self._applet is None or self._reboot is not None:
            self._next_dies = True
        else:
            self._applet.kill()

    async def _run_applet(self) -> None:
        applet = await AppletChild.start(
            relay=self._cable.address, ticket_file=self._ticket_file, entry=self._cable.entry
        )
        try:
            self._applet = applet
            self._listener(events.AppletStarted(pid=applet.pid))
            if self._next_dies:
                self._next_dies = False
                applet.kill()
            for order in self._hooks.first_orders():
                applet.send(order)
            async for news in applet.news():
                self._hooks.on_news(news)
        finally:
            self._applet = None
            await applet.kill_and_wait()

    async def _shut_down(self, reboot: _Reboot) -> None:
        # First the clock barrier: whoever reads Rebooting may advance the clock at once.
        if reboot.after is not None:
            reboot.barrier = await self._clock.set_barrier(reboot.after)
        reboot.prepared.set()
        applet = self._applet
        if applet is not None:
            applet.send(child_protocol.GoDown(order_id=reboot.order_id))
            if not await applet.ends_within(GOES_DOWN_WITHIN):
                applet.kill()

    async def _stay_down(self, reboot: _Reboot) -> None:
        self._cable.power_lost()
        self._connectivity.lost()
        self._listener(events.Rebooting())
        await reboot.prepared.wait()
        waits: list[asyncio.Task[object]] = [asyncio.create_task(reboot.boot.wait())]
        if reboot.barrier is not None:
            waits.append(asyncio.create_task(self._clock.sleep_until(reboot.barrier)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._reboot = None
        if reboot.barrier is not None:
            self._hooks.start(self._release_when_back(reboot.barrier))

    async def _release_when_back(self, barrier: ComputerBarrier) -> None:
        """Let an advance go on when the applet is back, or cannot be."""
        await self._hooks.until_back()
        self._clock.release(barrier)
