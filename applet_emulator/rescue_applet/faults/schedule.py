"""The faults that are in force on the computer's cable, and for how long.

One fault in each slot, a newer one in the place of the older; together they make the cable's condition. Durations
are emulated time: each change to come is an appointment with the server's clock, so that an advance stops there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from datetime import timedelta
from random import Random

from rescue_applet import events
from rescue_applet.clock import Appointment, Clock
from rescue_applet.faults import delay, flap, half_open, loss, off, reset
from rescue_applet.network.condition import Condition
from rescue_applet.network.relay import Cable
from rescue_common.lan_notation import (
    Delay,
    Flap,
    HalfOpen,
    LanFault,
    LastingFault,
    Loss,
    Off,
    RandomLoss,
    Reset,
)

STRIKES = {HalfOpen: half_open.strike, Reset: reset.strike}


class Lan:
    """A cable and its faults. `seed` decides all randomness. `start` runs a coroutine beside the computer's other
    tasks; `back` waits until the applet has found the server again, or cannot."""

    def __init__(
        self,
        cable: Cable,
        clock: Clock,
        *,
        seed: int,
        listener: events.Listener,
        start: Callable[[Coroutine[None, None, None]], asyncio.Task[None]],
        back: Callable[[], Awaitable[None]],
    ) -> None:
        self.cable = cable
        self.carries = True
        self._clock = clock
        self._seed = seed
        self._listener = listener
        self._start = start
        self._back = back
        self._faults: dict[str, LastingFault] = {}
        self._schedules: dict[str, asyncio.Task[None]] = {}
        self._flaps_off = False
        self._waiting = 0
        self._turn = asyncio.Lock()

    def strike(self, fault: LanFault, *, done: Callable[[], None] = lambda: None) -> None:
        """Let a fault happen, after the changes asked for before. `done` is called once it is in force, and the end
        of one that ends is noted with the clock."""
        if self._waiting or isinstance(fault, Flap) or fault.lasts is not None:
            self._later(self._strike(fault, done))
        else:
            self._strike_now(fault)
            done()

    def lift(self, slot: str = "", *, done: Callable[[], None] = lambda: None) -> None:
        """Take the fault in a slot away, or all. Harmless if there is none."""
        if self._waiting:
            self._later(self._lift(slot, done))
        else:
            self._lift_now(slot)
            done()

    def _later(self, change: Coroutine[None, None, None]) -> None:
        self._waiting += 1
        self._start(self._in_turn(change))

    async def _in_turn(self, change: Coroutine[None, None, None]) -> None:
        async with self._turn:
            try:
                await change
            finally:
                self._waiting -= 1

    async def _lift(self, slot: str, done: Callable[[], None]) -> None:
        self._lift_now(slot)
        done()

    def _lift_now(self, slot: str) -> None:
        for name in [slot] if slot else list(self._faults):
            self._empty(name)
        self._apply()
        self._tell()

    async def _strike(self, fault: LanFault, done: Callable[[], None]) -> None:
        # It is in force at once; it is told when the clock knows of its end, so that whoever hears of it may advance.
        if isinstance(fault, Flap):
            turns = flap.turns(fault, Random(f"{self._seed} {fault}"))
            off_for, on_for = next(turns)
            self._empty(fault.slot)
            self._flaps_off = True
            self._put(fault)
            end = await self._clock.appoint(off_for)
            self._schedules[fault.slot] = self._start(self._keep_flapping(turns, on_for, end))
            self._tell()
        elif isinstance(fault, HalfOpen | Reset) or fault.lasts is None:
            self._strike_now(fault)
        else:
            self._empty(fault.slot)
            self._put(fault)
            end = await self._clock.appoint(fault.lasts)
            self._schedules[fault.slot] = self._start(self._end(fault, end))
            self._tell()
        done()

    def _strike_now(self, fault: LanFault) -> None:
        if not isinstance(fault, HalfOpen | Reset):
            self._empty(fault.slot)
            self._put(fault)
            self._tell()
        elif self.carries:
            STRIKES[type(fault)](self.cable)
            self._tell(str(fault))
        else:
            self._listener(events.Error(message=f"the LAN is off: there is nothing that {fault} could strike"))

    def _put(self, fault: LastingFault) -> None:
        self._faults[fault.slot] = fault
        self._apply()

    def _empty(self, slot: str) -> None:
        self._faults.pop(slot, None)
        if slot == Flap.slot:
            self._flaps_off = False
        if (schedule := self._schedules.pop(slot, None)) is not None and schedule is not asyncio.current_task():
            schedule.cancel()

    async def _end(self, fault: LastingFault, end: Appointment) -> None:
        try:
            await self._clock.reach(end)
            self._lift_now(fault.slot)
            # An advancing clock goes on when the applet has found the server again.
            await self._back()
        finally:
            self._clock.kept(end)

    async def _keep_flapping(
        self, turns: Iterator[tuple[timedelta, timedelta]], on_for: timedelta, end: Appointment
    ) -> None:
        past = end
        try:
            while True:
                await self._clock.reach(end)
                turn = next(turns, None)
                if turn is None:
                    self._lift_now(Flap.slot)
                    await self._back()
                    return
                self._flaps_off = False
                self._apply()
                # The next appointment before this one is kept: an advance must not run past it.
                past, end = end, await self._clock.appoint(on_for)
                self._tell()
                await self._back()
                self._clock.kept(past)
                await self._clock.reach(end)
                off_for, on_for = turn
                self._flaps_off = True
                self._apply()
                past, end = end, await self._clock.appoint(off_for)
                self._tell()
                self._clock.kept(past)
        finally:
            self._clock.kept(past)
            self._clock.kept(end)

    def _apply(self) -> None:
        condition = self._condition()
        self.carries = condition.carries
        self.cable.apply(condition)

    def _condition(self) -> Condition:
        condition = Condition(seed=self._seed)
        for fault in self._faults.values():
            match fault:
                case Off():
                    condition = off.weaken(condition)
                case Loss() | RandomLoss():
                    condition = loss.weaken(fault, condition)
                case Delay():
                    condition = delay.weaken(fault, condition)
                case Flap() if self._flaps_off:
                    condition = off.weaken(condition)
        return condition

    def _tell(self, strike: str = "") -> None:
        condition = self._condition()
        state = events.CableState.ON if condition.up or condition.down else events.CableState.OFF
        faults = [str(fault) for fault in self._faults.values()]
        random = any(fault.random for fault in self._faults.values())
        self._listener(
            events.Cable(
                state=state,
                faults=[*faults, strike] if strike else faults,
                seed=self._seed if random else None,
            )
        )
