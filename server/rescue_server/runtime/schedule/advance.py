"""One advance of the clock: a walk from due time to due time while the clock is held."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from rescue_protos.errors import StorageUnavailable
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.schedule.attention import AttentiveTime
from rescue_server.runtime.schedule.clock_barrier import ClockBarriers, WaitingShares
from rescue_server.runtime.schedule.roll_call import RollCalls

AHEAD = timedelta(seconds=1)  # emulated: how far time may be ahead of what is stored
STEPS_AT_ONCE = 500  # at most of them nothing falls due: leases were renewed
EXTENDED_AT_ONCE = 500  # leases put to their new place in one turn
EVENTS_AHEAD = 200  # how many results may wait for being stored


class Advance:
    """A walk to `target`. An applet that answered a probe counts as alive until something happens to it."""

    def __init__(
        self,
        engine: Engine,
        barriers: ClockBarriers,
        roll_calls: RollCalls,
        attention: AttentiveTime,
        target: datetime,
    ) -> None:
        self._engine = engine
        self._schedule = engine.schedule
        self._leases = engine.schedule.leases
        self._barriers = barriers
        self._roll_calls = roll_calls
        self._shares = WaitingShares(attention)
        self._target = target
        self._alive: set[str] = set()
        self._refused_before = engine.refused_batches
        self._applied = 0  # results since the last flush

    async def walk(self) -> None:
        """Apply what falls due, in order. Raises StorageUnavailable if it cannot be stored: time stops there."""
        clock = self._engine.clock
        await self._engine.catch_up_in_portions()
        await self._flush()
        stored_at = clock.now()
        steps = 0
        while (moment := self._next_moment()) is not None:
            steps += 1
            if steps % STEPS_AT_ONCE == 0:
                await asyncio.sleep(0)
            if await self._judge(moment):
                continue
            if moment - stored_at > AHEAD or self._applied >= EVENTS_AHEAD:
                await self._flush()
                stored_at = moment
            clock.move_to(moment)
            self._applied += await self._engine.catch_up_in_portions()
            if self._is_barrier_due(moment):
                await self._flush()
                await self._wait_at_barriers(moment)
            if self._schedule.is_out_of_date:  # an administrator changed a setting meanwhile
                await self._engine.catch_up_in_portions()
        await self._flush()
        clock.move_to(self._target)

    def forget_answer(self, session: str) -> None:
        """The applet left, or its computer did something: what it answered before says nothing any more."""
        if session in self._alive:
            self._alive.discard(session)
            self._leases.shorten(session, self._engine.clock.now())

    async def _flush(self) -> None:
        self._applied = 0
        await self._engine.flush()
        if self._engine.refused_batches != self._refused_before:
            raise StorageUnavailable("the advance stopped: what fell due could not be stored")

    def _next_moment(self) -> datetime | None:
        deadline, barrier = self._schedule.next_deadline(), self._barriers.first()
        moments = [each.due for each in (deadline, barrier) if each is not None]
        first = min(moments, default=None)
        return first if first is not None and first <= self._target else None

    async def _judge(self, moment: datetime) -> bool:
        """Judge the leases if one of them runs out by then that is not judged yet. Return whether that was so."""
        if all(self._leases.is_confirmed_expired(session) for session in self._leases.within(moment)):
            return False
        # All at once: an answer now counts for the whole advance.
        asked = {
            session
            for session in self._leases
            if session not in self._alive and not self._leases.is_confirmed_expired(session)
        }
        silent = await self._roll_calls.ask(asked)
        self._leases.confirm_expired(silent)
        answered = asked - silent
        self._alive |= answered
        for count, session in enumerate(answered, 1):
            if session in self._alive:  # nothing has happened to it meanwhile
                self._leases.extend(session, self._target)
            if count % EXTENDED_AT_ONCE == 0:
                await asyncio.sleep(0)
        return True

    def _is_barrier_due(self, moment: datetime) -> bool:
        barrier = self._barriers.first()
        return barrier is not None and barrier.due <= moment

    async def _wait_at_barriers(self, moment: datetime) -> None:
        while due := self._barriers.take(moment):
            self._engine.clock.announce()  # the computers must see that their moment has come
            await self._shares.wait_at(due)
            for barrier in due:
                self.forget_answer(barrier.owner)
