"""The fault rules of a running server: which wait for their moment, and which are at work.

The rest of the server asks at four seams: a published step, a call, a heartbeat, and a computer that follows the
clock. An order to a computer is an appointment as well, so that an advance waits until it is carried out. Nothing is
stored: a server that starts anew has no rules.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rescue_protos.errors import InjectedFault, InvalidArgument, NotFound, RescueError, ResourceExhausted
from rescue_server.clock import ServerClock
from rescue_server.core.events import IdleTimedOut
from rescue_server.core.session import Session
from rescue_server.core.status import Status
from rescue_server.faults.rules import (
    BadRule,
    Called,
    Lose,
    Lost,
    Meddle,
    Rule,
    Shown,
    TellComputer,
    parse_rule,
)
from rescue_server.runtime.schedule.clock_barrier import Appointment, Appointments
from rescue_server.runtime.state import Desk, Step

log = logging.getLogger(__name__)
MOST = 200


class State(StrEnum):
    """How far a rule is."""

    ARMED = "armed"
    AT_WORK = "at work"
    SPENT = "spent"


@dataclass(slots=True, eq=False, kw_only=True)
class Kept:
    """A rule that was added: `left` is how often it will still act, `session` whom it concerns once it has fired."""

    number: int
    rule: Rule
    state: State = State.ARMED
    fired_at: datetime | None = None
    left: int = 0
    calls: int = 0
    session: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputerOrder:
    """What a computer is to do."""

    number: int
    line: str


@dataclass(slots=True, eq=False, kw_only=True)
class _Open:
    """An order that is not carried out yet, and the appointment that an advance keeps meanwhile."""

    session: str
    kept: Kept
    appointment: Appointment


class Faults:
    """`methods` are those that can be meddled with, and whether each is a stream; `desk` is what is published."""

    def __init__(
        self, desk: Callable[[], Desk], clock: ServerClock, appointments: Appointments, methods: Mapping[str, bool]
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._appointments = appointments
        self._methods = methods
        self._rules: dict[int, Kept] = {}
        # What each seam has to look at; empty while no rule concerns it.
        self._on_steps: list[Kept] = []
        self._on_calls: list[Kept] = []
        self._losing: list[Kept] = []
        self._meddling: list[Kept] = []
        self._followers: dict[str, Callable[[ComputerOrder], None]] = {}
        self._waiting: dict[str, list[ComputerOrder]] = {}
        self._open: dict[int, _Open] = {}
        self._last_rule = self._last_order = 0

    # Administering

    def add(self, text: str) -> Kept:
        """Arm a rule. Raises InvalidArgument, Unknown, ResourceExhausted."""
        try:
            rule = parse_rule(text, self._methods)
        except BadRule as error:
            raise InvalidArgument.of("text", str(error)) from None
        self._check(rule)
        self._make_room()
        self._last_rule += 1
        kept = self._rules[self._last_rule] = Kept(number=self._last_rule, rule=rule)
        match rule.moment:
            case None:
                self._fire(kept, rule.session)
            case Called():
                self._on_calls.append(kept)
            case Shown() as shown:
                session = self._already(shown) if shown.already else None
                if session is None:
                    self._on_steps.append(kept)
                else:
                    self._fire(kept, session)
        return kept

    def all(self) -> list[Kept]:
        """Every rule, by number."""
        return list(self._rules.values())

    def clear(self, number: int = 0) -> int:
        """Remove a rule, or all; return how many. Raises Unknown."""
        if number and number not in self._rules:
            raise NotFound.of("fault rule", str(number), "`rescue fault list` shows those there are")
        gone = [self._rules.pop(n) for n in ([number] if number else list(self._rules))]
        for seam in (self._on_steps, self._on_calls, self._losing, self._meddling):
            seam[:] = [kept for kept in seam if kept not in gone]
        for number, order in list(self._open.items()):
            if order.kept in gone:
                self._waiting[order.session] = [o for o in self._waiting.get(order.session, ()) if o.number != number]
                self.obeyed(order.session, number)
        return len(gone)

    def _check(self, rule: Rule) -> None:
        organization = self._desk().organization
        if rule.session and rule.session not in self._desk().sessions:
            raise NotFound.of("session", rule.session)
        for part in (rule.moment, rule.action):
            name = part.user if isinstance(part, Shown | Called | Meddle) else ""
            if name and name not in organization.secret_hashes:
                raise NotFound.of("user", name, "there are: " + ", ".join(sorted(organization.secret_hashes)))

    def _make_room(self) -> None:
        spent = [number for number, kept in self._rules.items() if kept.state is State.SPENT]
        if len(self._rules) >= MOST:
            if not spent:
                raise ResourceExhausted(f"there are {MOST} fault rules at work: clear some first")
            del self._rules[spent[0]]

    def _already(self, shown: Shown) -> str | None:
        sessions = self._desk().sessions
        for session in [sessions.get(shown.session)] if shown.session else list(sessions.values()):
            if session is None:
                continue
            names = [shown.user] if shown.user else list(session.entries)
            if any(session.status_for(name) is shown.status for name in names):
                return session.id
        return None

    # The seams

    def on_step(self, step: Step) -> None:
        """A step was published: a status may have changed."""
        if not self._on_steps or step.after is None:
            return
        changes = _changes(step, step.after)
        for kept in [kept for kept in self._on_steps if _fits(kept.rule.moment, step.after.id, changes)]:
            self._on_steps.remove(kept)
            self._fire(kept, step.after.id)

    @contextlib.asynccontextmanager
    async def around(self, method: str, user: str) -> AsyncIterator[None]:
        """Around a call of a method (its bare name); `user` is empty for an applet. Raises InjectedFault."""
        meddle = self._called(method, user)
        if meddle is None:
            yield
            return
        if meddle.code:
            raise InjectedFault(f"a fault rule makes {method} fail", code=meddle.code)
        if meddle.delay:
            async with self._waited(meddle.delay):
                yield
            return
        with contextlib.suppress(RescueError):  # a refusal is a reply as well
            yield
        raise InjectedFault(f"a fault rule has lost the reply of {method}", code="UNAVAILABLE")

    @property
    def meddles(self) -> bool:
        """Whether any rule is about calls."""
        return bool(self._on_calls or self._meddling)

    def loses(self, session: str, what: Lost) -> bool:
        """Whether this heartbeat, or reply to one, gets lost; counts it."""
        for kept in self._losing:
            action = kept.rule.action
            if kept.session == session and isinstance(action, Lose) and action.what is what:
                self._act(kept, self._losing)
                return True
        return False

    def follow(self, session: str, listener: Callable[[ComputerOrder], None]) -> Callable[[], None]:
        """A computer listens for orders. Returns what ends that."""
        self._followers[session] = listener
        for order in self._waiting.pop(session, []):
            listener(order)

        def forget() -> None:
            if self._followers.get(session) is not listener:
                return
            del self._followers[session]
            waiting = {order.number for order in self._waiting.get(session, ())}
            for number in [n for n, o in self._open.items() if o.session == session and n not in waiting]:
                self.obeyed(session, number)

        return forget

    def obeyed(self, session: str, number: int) -> None:
        """A computer has carried out an order (or will never)."""
        if (order := self._open.get(number)) is None or order.session != session:
            return
        del self._open[number]
        self._appointments.keep(order.appointment)
        order.kept.left, order.kept.state = 0, State.SPENT

    # At work

    def _fire(self, kept: Kept, session: str) -> None:
        kept.state, kept.fired_at = State.AT_WORK, self._clock.now()
        kept.session = kept.rule.session or session
        log.info("fault rule %d acts: %s", kept.number, kept.rule.text)
        match kept.rule.action:
            case TellComputer(line=line):
                kept.left = 1
                self._order(kept, line)
            case Lose(times=times):
                kept.left = times
                self._losing.append(kept)
            case Meddle(times=times):
                kept.left = times
                self._meddling.append(kept)

    def _order(self, kept: Kept, line: str) -> None:
        self._last_order += 1
        order = ComputerOrder(number=self._last_order, line=line)
        # An appointment also while nobody listens: a computer that has just joined will in a moment.
        appointment = self._appointments.make(self._clock.now())
        self._open[order.number] = _Open(session=kept.session, kept=kept, appointment=appointment)
        if (listener := self._followers.get(kept.session)) is not None:
            listener(order)
        else:
            self._waiting.setdefault(kept.session, []).append(order)

    def _act(self, kept: Kept, seam: list[Kept]) -> None:
        kept.left -= 1
        if kept.left == 0:
            kept.state = State.SPENT
            seam.remove(kept)

    def _called(self, method: str, user: str) -> Meddle | None:
        for kept in list(self._on_calls):
            moment = kept.rule.moment
            if isinstance(moment, Called) and moment.method == method and moment.user in ("", user):
                kept.calls += 1
                if kept.calls == moment.nth:
                    self._on_calls.remove(kept)
                    self._fire(kept, "")
        for kept in self._meddling:
            action = kept.rule.action
            if isinstance(action, Meddle) and action.method == method and action.user in ("", user):
                self._act(kept, self._meddling)
                return action
        return None

    @contextlib.asynccontextmanager
    async def _waited(self, delay: timedelta) -> AsyncIterator[None]:
        """Wait for emulated time to pass; an advance goes on when the block is done."""
        appointment = self._appointments.make(self._clock.now() + delay)
        changed = asyncio.Event()
        forget = self._clock.on_change(changed.set)
        try:
            while (missing := self._clock.seconds_until(appointment.due)) != 0:
                changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(missing):
                        await changed.wait()
            yield
        finally:
            forget()
            self._appointments.keep(appointment)


def _changes(step: Step, after: Session) -> dict[str, Status]:
    """Return the new status of each technician whose queue shows another one now."""
    before = step.before
    found = {}
    for technician in {*(before.entries if before else ()), *after.entries}:
        previous = before.status_for(technician) if before else None
        status = after.status_for(technician)
        if status is previous:
            continue
        if status is None:
            timed_out = isinstance(step.event, IdleTimedOut) and step.event.technician == technician
            status = Status.REMOVED_TIMED_OUT if timed_out else Status.REMOVED
        found[technician] = status
    return found


def _fits(moment: object, session: str, changes: Mapping[str, Status]) -> bool:
    return (
        isinstance(moment, Shown)
        and moment.session in ("", session)
        and any(status is moment.status and moment.user in ("", technician) for technician, status in changes.items())
    )
