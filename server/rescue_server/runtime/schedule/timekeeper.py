"""The passing of time: applies what falls due, decides about leases that ran out, and carries out an advance.

A lease is judged only after its applet has left a probe unanswered for two real seconds in which the server was
attentive (`attention.py`). While the clock runs, the probe is sent early enough that the reconnect period still holds
at real speed; at a speed at which it cannot, the clock is held at the due time until the judgement. An advance walks
from due time to due time with the clock held (`advance.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

from rescue_common.emulated_time import END_OF_TIME, format_timestamp, later
from rescue_protos.errors import STORAGE_ERRORS, InvalidArgument, ReplayOnly
from rescue_server.core.decide import Context
from rescue_server.core.timers import DeadlineKind
from rescue_server.runtime.attachments import Attachments
from rescue_server.runtime.engine import Answer, Engine, Outcome, Request
from rescue_server.runtime.schedule.advance import Advance
from rescue_server.runtime.schedule.attention import TURN, AttentiveTime
from rescue_server.runtime.schedule.clock_barrier import ClockBarriers
from rescue_server.runtime.schedule.roll_call import ANSWER_WITHIN, RollCalls, in_portions
from rescue_server.runtime.state import EngineState

log = logging.getLogger(__name__)

LATE = 1.0  # real seconds: an applet takes a link on which nothing is answered for two for lost
SHOWN_WITHIN = 2.0  # real seconds for consoles to take what an advance led to
RETRY_STORE = 1.0  # real seconds between attempts while nothing can be stored
Settled = Callable[[int, float], Awaitable[None]]
MARK_CLOCK = 1.0  # real seconds between stored readings of a running clock


async def _nobody_else(revision: int, timeout: float) -> None:
    """Wait for nobody: this server is alone."""


class Timekeeper:
    """Owns the passing of time for one engine."""

    def __init__(self, engine: Engine, attachments: Attachments) -> None:
        self.engine = engine
        self.clock = engine.clock
        self._schedule = engine.schedule
        self._leases = engine.schedule.leases
        self.attachments = attachments
        self.barriers = ClockBarriers()
        self._attention = AttentiveTime()
        self._roll_calls = RollCalls(attachments, self._attention)
        self.others_settled: Settled = _nobody_else
        """Waits for the consoles at other servers of the cluster, as `Watch.settled` does for those here."""
        self._advance: Advance | None = None
        self._advancing = asyncio.Lock()
        self._holding = False
        self._said_end = False  # that the clock has reached the end of its calendar
        attachments.on_leave(self._left)
        engine.schedule.on_expired_lease(self._hold_for)
        self.clock.on_change(engine.schedule.changed.set)

    async def run(self) -> None:
        """Fire what falls due as the clock goes, until cancelled."""
        self._roll_calls.was_away()
        while True:
            self._say_end()
            async with self._advancing:
                self._schedule.changed.clear()
                self._schedule.expect(None)
                await self.engine.catch_up_in_portions()
                unconfirmed = self._unconfirmed_now()
                await self._probe_expiring()
            if unconfirmed:
                await self._confirm_while_held(unconfirmed)
                continue
            await self.engine.flush()
            overdue = self._schedule.next_deadline()
            if overdue is not None and overdue.due <= self.clock.now() and not self._unconfirmed_now():
                await asyncio.sleep(RETRY_STORE)  # it could not be stored
                continue
            await self._sleep()

    async def mark_regularly(self) -> None:
        """Store where the running clock stands, until cancelled. Notice when the server was late."""
        last = None
        real_now = asyncio.get_running_loop().time
        while True:
            began = real_now()
            await asyncio.sleep(MARK_CLOCK)
            if real_now() - began > MARK_CLOCK + LATE:
                self._roll_calls.was_away()
            if (now := self.clock.now()) != last:
                with contextlib.suppress(*STORAGE_ERRORS):  # the next second tries again
                    await self.engine.mark_clock()
                    last = now

    async def advance(self, by: timedelta, request: Request | None = None) -> None:
        """Move the emulated time forward; return when the effects have been handed to the consoles.

        The same request again goes on to where the first one meant to go, if time has not got there.
        Raises InvalidArgument if the calendar ends before; StorageUnavailable: before anything moved, or as far as what
        fell due could be stored.
        """
        async with self._advancing:
            await self.engine.mark_clock()  # a store that takes nothing must be found before time has moved
            self.clock.hold()
            try:
                target = await self._target(by, request)
                self._advance = Advance(self.engine, self.barriers, self._roll_calls, self._attention, target)
                await self._advance.walk()
            finally:
                self._advance = None
                self.clock.release()
        await self.engine.flush()
        await self.engine.mark_clock()  # who was told of this moment must find it again after a crash
        revision = self.engine.published.revision
        await asyncio.gather(
            self.engine.watch.settled(revision, SHOWN_WITHIN), self.others_settled(revision, SHOWN_WITHIN)
        )

    async def _target(self, by: timedelta, request: Request | None) -> datetime:
        def decide(state: EngineState, context: Context) -> Outcome:
            if self.clock.now() > END_OF_TIME - by:
                raise InvalidArgument.of("by", "the clock cannot go beyond {end}", end=f"{END_OF_TIME:%Y-%m-%d}")
            return Outcome(answer=Answer(until=self.clock.now() + by))

        try:
            until = (await self.engine.perform(decide, request)).until
        except ReplayOnly:  # it stores nothing
            until = None
        return later(self.clock.now(), by) if until is None else max(until, self.clock.now())

    async def run_at(self, speed: float) -> None:
        """Let the clock run at this speed. Raises StorageUnavailable; then it goes on as before."""
        await self._repace(lambda: self.clock.run(speed))

    async def pause(self) -> None:
        """Let the clock stand. Raises StorageUnavailable; then it goes on as before."""
        await self._repace(self.clock.pause)

    async def _repace(self, change: Callable[[], None]) -> None:
        before = self.clock.read()
        change()
        try:
            await self.engine.mark_clock()
        except STORAGE_ERRORS:
            if before.paused:
                self.clock.pause()
            else:
                self.clock.run(before.speed)
            raise

    def renew_lease(self, session: str, *, answered: bool) -> None:
        """Renew the lease of an applet that sent a heartbeat or answered a probe; to attach counts as an answer."""
        if self._leases.probed_at(session) is not None:
            self._attention.answer_came()
        self._leases.renew(session, self.clock.now())
        self._roll_calls.sign_of_life(session, answered=answered)

    def renew_leases(self, sessions: Iterable[str], *, answered: bool) -> None:
        """Do the same for many at once."""
        now, leases, calls = self.clock.now(), self._leases, self._roll_calls
        for session in sessions:
            if leases.probed_at(session) is not None:
                self._attention.answer_came()
            leases.renew(session, now)
            if calls.are_held:
                calls.sign_of_life(session, answered=answered)

    def cable_reported(self, session: str, *, carries: bool) -> None:
        """A computer says whether what its applet sends reaches the server."""
        self._roll_calls.cable_reported(session, carries=carries)

    def _left(self, session: str) -> None:
        if self._advance is not None:
            self._advance.forget_answer(session)

    # The running clock

    def _hold_for(self, session: str) -> None:
        """A lease ran out before it was judged: time stands until it is."""
        if not self._holding and not self._advancing.locked():
            self._holding = True
            self.clock.hold()
        self._schedule.changed.set()

    def _unconfirmed_now(self) -> list[str]:
        deadline = self._schedule.next_deadline()
        if deadline is None or deadline.kind is not DeadlineKind.RECONNECTING or deadline.due > self.clock.now():
            return []
        return [s for s in self._leases.within(self.clock.now()) if not self._leases.is_confirmed_expired(s)]

    async def _probe_expiring(self) -> None:
        """Send probes to the applets whose leases run out soon, so that the answer is known when they do."""
        lease = self._first_unprobed()
        if lease is None or lease[0] - self._lead(lease[1]) > self.clock.now():
            return
        await in_portions(self._leases.within(later(self.clock.now(), self._lead(lease[1]))), self._probe)

    def _first_unprobed(self) -> tuple[datetime, str] | None:
        """Return the lease that is to be probed next, and when it runs out: exactly, if that probe is due soon."""
        through = later(self.clock.now(), timedelta(seconds=(ANSWER_WITHIN + 1) * self.clock.speed))
        return self._leases.first_unprobed(through)

    def _probe(self, session: str) -> None:
        """Send a probe, unless one is open."""
        if self._leases.probe(session, self._attention.end_turn()):
            self.attachments.probe(session)

    def _lead(self, session: str) -> timedelta:
        """How long before the end of its lease an applet is probed; half the period at most, for its heartbeats."""
        half = self._leases.period(session) / 2
        return min(timedelta(seconds=ANSWER_WITHIN * self.clock.speed), half)

    async def _confirm_while_held(self, sessions: list[str]) -> None:
        await in_portions(sessions, self._probe)
        last = max(self._leases.probed_at(session) or 0.0 for session in sessions)
        silent = await self._roll_calls.wait_for(sessions, last + ANSWER_WITHIN)
        self._leases.confirm_expired(session for session in silent if self._has_run_out(session))
        for session in sessions:
            self._leases.close_probe(session)
        if self._holding:
            self._holding = False
            self.clock.release()

    def next_probe(self) -> datetime | None:
        """Return when the next probe must be sent, so that its answer is known in time; None if none must."""
        lease = self._first_unprobed()
        return None if lease is None else lease[0] - self._lead(lease[1])

    def _has_run_out(self, session: str) -> bool:
        due = self._leases.due(session)
        return due is not None and due <= self.clock.now()

    def _say_end(self) -> None:
        if self.clock.at_end and not self._said_end:
            self._said_end = True
            log.warning("the clock has reached the end of its calendar, %s, and stands", format_timestamp(END_OF_TIME))
            self.clock.announce()

    async def _sleep(self) -> None:
        """Until the next thing falls due, the next probe must be sent, or something changes."""
        waits = []
        deadline = self._schedule.next_deadline()
        if deadline is not None:
            waits.append(self.clock.seconds_until(deadline.due))
        if not self.clock.at_end:
            waits.append(self.clock.seconds_until(END_OF_TIME))
        if (probe_at := self.next_probe()) is not None:
            waits.append(self.clock.seconds_until(probe_at))
        if self._roll_calls.in_grace or (self._leases.any_probed() and not self.clock.read().standing):
            waits.append(TURN)
        seconds = min((wait for wait in waits if wait is not None), default=None)
        self._schedule.expect(END_OF_TIME if deadline is None else deadline.due)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._schedule.changed.wait()
