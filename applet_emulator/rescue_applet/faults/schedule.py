"""The faults that are in force on the computer's cable, and for how long.

One fault in each slot, a newer one in the place of the older; together they make the cable's condition. Durations are
emulated time. Each later change is a clock barrier on the server's clock, so that an advance stops there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from datetime import timedelta
from random import Random

from rescue_applet import events
from rescue_applet.clock import ComputerBarrier, FollowedClock
from rescue_applet.faults import delay, flap, half_open, loss, off, reset
from rescue_applet.network.cable import Cable
from rescue_applet.network.condition import Condition
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

ONE_SHOT = {HalfOpen: half_open.apply, Reset: reset.apply}


class FaultSchedule:
    """A cable and its faults. `seed` decides all randomness. `start` runs a coroutine beside the computer's other
    tasks; `back` waits until the applet has found the server again, or cannot."""

    def __init__(
        self,
        cable: Cable,
        clock: FollowedClock,
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

    def apply(self, fault: LanFault, *, done: Callable[[], None] = lambda: None) -> None:
        """Apply a fault, after all earlier changes. `done` is called once it is in force and, if it has an end, once
        the clock barrier for the end is set."""
        if self._waiting or isinstance(fault, Flap) or fault.lasts is not None:
            self._later(self._start_fault(fault, done))
        else:
            self._start_now(fault)
            done()

    def lift(self, slot: str = "", *, done: Callable[[], None] = lambda: None) -> None:
        """Lift the fault in a slot, or all. Without a fault nothing happens."""
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
        self._report()

    async def _start_fault(self, fault: LanFault, done: Callable[[], None]) -> None:
        # It is in force at once. It is reported after the clock barrier for its end is set, so that the reader may
        # advance.
        if isinstance(fault, Flap):
            turns = flap.turns(fault, Random(f"{self._seed} {fault}"))
            off_for, on_for = next(turns)
            self._empty(fault.slot)
            self._flaps_off = True
            self._put(fault)
            end = await self._clock.set_barrier(off_for)
            self._schedules[fault.slot] = self._start(self._keep_flapping(turns, on_for, end))
            self._report()
        elif isinstance(fault, HalfOpen | Reset) or fault.lasts is None:
            self._start_now(fault)
        else:
            self._empty(fault.slot)
            self._put(fault)
            end = await self._clock.set_barrier(fault.lasts)
            self._schedules[fault.slot] = self._start(self._end(fault, end))
            self._report()
        done()

    def _start_now(self, fault: LanFault) -> None:
        if not isinstance(fault, HalfOpen | Reset):
            self._empty(fault.slot)
            self._put(fault)
            self._report()
        elif self.carries:
            ONE_SHOT[type(fault)](self.cable)
            self._report(str(fault))
        else:
            self._listener(events.Error(message=f"{fault} has no effect while the LAN is off"))

    def _put(self, fault: LastingFault) -> None:
        self._faults[fault.slot] = fault
        self._apply()

    def _empty(self, slot: str) -> None:
        self._faults.pop(slot, None)
        if slot == Flap.slot:
            self._flaps_off = False
        if (schedule := self._schedules.pop(slot, None)) is not None and schedule is not asyncio.current_task():
            schedule.cancel()

    async def _end(self, fault: LastingFault, end: ComputerBarrier) -> None:
        try:
            await self._clock.sleep_until(end)
            self._lift_now(fault.slot)
            # An advancing clock goes on when the applet has found the server again.
            await self._back()
        finally:
            self._clock.release(end)

    async def _keep_flapping(
        self, turns: Iterator[tuple[timedelta, timedelta]], on_for: timedelta, end: ComputerBarrier
    ) -> None:
        past = end
        try:
            while True:
                await self._clock.sleep_until(end)
                turn = next(turns, None)
                if turn is None:
                    self._lift_now(Flap.slot)
                    await self._back()
                    return
                self._flaps_off = False
                self._apply()
                # Set the next clock barrier before this one is released: an advance must not run past it.
                past, end = end, await self._clock.set_barrier(on_for)
                self._report()
                await self._back()
                self._clock.release(past)
                await self._clock.sleep_until(end)
                off_for, on_for = turn
                self._flaps_off = True
                self._apply()
                past, end = end, await self._clock.set_barrier(off_for)
                self._report()
                self._clock.release(past)
        finally:
            self._clock.release(past)
            self._clock.release(end)

    def _apply(self) -> None:
        condition = self._condition()
        self.carries = condition.carries
        self.cable.apply(condition)
        self._clock.report_cable(carries=condition.up)

    def _condition(self) -> Condition:
        condition = Condition(seed=self._seed)
        for fault in self._faults.values():
            match fault:
                case Off():
                    condition = off.affect(condition)
                case Loss() | RandomLoss():
                    condition = loss.affect(fault, condition)
                case Delay():
                    condition = delay.affect(fault, condition)
                case Flap() if self._flaps_off:
                    condition = off.affect(condition)
        return condition

    def _report(self, apply_once: str = "") -> None:
        condition = self._condition()
        state = events.CableState.ON if condition.up or condition.down else events.CableState.OFF
        faults = [str(fault) for fault in self._faults.values()]
        random = any(fault.random for fault in self._faults.values())
        self._listener(
            events.CableChanged(
                state=state,
                faults=[*faults, apply_once] if apply_once else faults,
                seed=self._seed if random else None,
            )
        )
