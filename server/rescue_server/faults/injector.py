"""The fault rules of a running server: which are armed, and which are active.

The rest of the server calls four hooks: for a published event, a call, a heartbeat, and a computer that follows the
clock. An order to a computer is a clock barrier as well, so that an advance waits until it is carried out. Nothing is
stored: a restarted server has no rules.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rescue_protos.errors import InjectedFault, InvalidArgument, NotFound, RescueError, ResourceExhausted
from rescue_server.clock import ServerClock
from rescue_server.core.organization import OrganizationEvent
from rescue_server.core.queue import status_after
from rescue_server.core.session import Session
from rescue_server.core.status import Status
from rescue_server.faults.http_rules import AffectApi, AffectPost
from rescue_server.faults.notation import BadRule
from rescue_server.faults.rules import (
    AffectCall,
    Called,
    Lose,
    LostMessage,
    OrderComputer,
    Rule,
    Shown,
    parse_rule,
)
from rescue_server.faults.scope import callers, covers, require_names
from rescue_server.runtime.schedule.clock_barrier import ClockBarrier, ClockBarriers
from rescue_server.runtime.state import AppliedEvent, EngineState

log = logging.getLogger(__name__)
MAX_RULES = 200
LOOKED_AT_AT_ONCE = 500  # sessions in one turn of the event loop


class RuleState(StrEnum):
    """How far a rule is."""

    ARMED = "armed"
    AT_WORK = "at work"
    SPENT = "spent"


@dataclass(slots=True, eq=False, kw_only=True)
class ActiveRule:
    """A rule that was added: `left` is how often it will still act, `session` whom it concerns once it has fired.

    Without `technicians` it concerns everybody; see `rescue_server.faults.scope`.
    """

    number: int
    rule: Rule
    technicians: frozenset[str] = frozenset()
    state: RuleState = RuleState.ARMED
    fired_at: datetime | None = None
    left: int = 0
    calls: int = 0
    session: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputerOrder:
    """An order to a computer."""

    number: int
    line: str


@dataclass(slots=True, eq=False, kw_only=True)
class _OpenOrder:
    """An order that is not carried out yet, and the clock barrier that an advance waits at."""

    session: str
    active: ActiveRule
    barrier: ClockBarrier


class FaultInjector:
    """`methods` are those that a rule can affect, and whether each is a stream; `state` is what is published."""

    def __init__(
        self, state: EngineState, clock: ServerClock, barriers: ClockBarriers, methods: Mapping[str, bool]
    ) -> None:
        self._state = state
        self._clock = clock
        self._barriers = barriers
        self._methods = methods
        self._rules: dict[int, ActiveRule] = {}
        # The rules of each hook; empty while no rule concerns it.
        self._on_statuses: list[ActiveRule] = []
        self._on_calls: list[ActiveRule] = []
        self._losing: list[ActiveRule] = []
        self._affecting: list[ActiveRule] = []
        self._posts: list[ActiveRule] = []
        self._api: list[ActiveRule] = []
        self._on_api_change: Callable[[], None] = _ignore
        self._followers: dict[str, Callable[[ComputerOrder], None]] = {}
        self._waiting: dict[str, list[ComputerOrder]] = {}
        self._open: dict[int, _OpenOrder] = {}
        self._last_rule = self._last_order = 0

    # Administering

    async def add(self, text: str, technicians: Collection[str] = ()) -> ActiveRule:
        """Arm a rule, for these technicians only if there are any. Among many sessions others run in between.

        Raises InvalidArgument, NotFound and ResourceExhausted.
        """
        try:
            rule = parse_rule(text, self._methods)
        except BadRule as error:
            raise InvalidArgument.of("text", str(error)) from None
        require_names(self._state, rule, technicians)
        self._make_room()
        self._last_rule += 1
        active = self._rules[self._last_rule] = ActiveRule(
            number=self._last_rule, rule=rule, technicians=frozenset(technicians)
        )
        match rule.moment:
            case None:
                self._fire(active, rule.session)
            case Called():
                self._on_calls.append(active)
            case Shown() as shown:
                self._on_statuses.append(active)
                if shown.already:
                    await self._look_for(active, shown)
        return active

    def all(self) -> list[ActiveRule]:
        """Every rule, by number."""
        return list(self._rules.values())

    def clear(self, number: int = 0) -> int:
        """Remove a rule, or all; return how many. Raises NotFound."""
        if number and number not in self._rules:
            raise NotFound.of("fault rule", str(number), "`rescue fault list` shows those there are")
        gone = [self._rules.pop(n) for n in ([number] if number else list(self._rules))]
        for hook in (self._on_statuses, self._on_calls, self._losing, self._affecting, self._posts, self._api):
            hook[:] = [active for active in hook if active not in gone]
        self._on_api_change()
        for number, order in list(self._open.items()):
            if order.active in gone:
                self._waiting[order.session] = [o for o in self._waiting.get(order.session, ()) if o.number != number]
                self.order_done(order.session, number)
        return len(gone)

    def _make_room(self) -> None:
        spent = [number for number, active in self._rules.items() if active.state is RuleState.SPENT]
        if len(self._rules) >= MAX_RULES:
            if not spent:
                raise ResourceExhausted(f"there are {MAX_RULES} fault rules at work: clear some first")
            del self._rules[spent[0]]

    async def _look_for(self, active: ActiveRule, shown: Shown) -> None:
        """Fire an armed rule if a queue shows already what it waits for."""
        state = self._state
        if shown.session:
            candidates = [shown.session]
        elif shown.user:
            candidates = [session.id for session in state.queue_of(shown.user)]
        else:
            candidates = [session.id for session in state.sessions.unpacked()]
        for count, session_id in enumerate(candidates, 1):
            if count % LOOKED_AT_AT_ONCE == 0:
                await asyncio.sleep(0)
            session = state.sessions.get(session_id)
            if active not in self._on_statuses:  # it has fired meanwhile, or was cleared
                return
            if session is not None and covers(active.technicians, session) and _shows(session, shown):
                self._on_statuses.remove(active)
                self._fire(active, session_id)
                return

    # The hooks

    def on_applied(self, applied: AppliedEvent) -> None:
        """An event was published: a status may have changed."""
        if not self._on_statuses or applied.after is None:
            return
        changes = _changes(applied, applied.after)
        for active in [active for active in self._on_statuses if _fits(active, applied.after, changes)]:
            self._on_statuses.remove(active)
            self._fire(active, applied.after.id)

    @contextlib.asynccontextmanager
    async def around(
        self, method: str, request: object, *, user: str = "", computer_of: str = ""
    ) -> AsyncIterator[None]:
        """Wrap a call of a method (its bare name). `user` is empty for an applet. Raises InjectedFault."""
        affect = self._called(method, user, callers(self._state, request, user=user, computer_of=computer_of))
        if affect is None:
            yield
            return
        if affect.code:
            raise InjectedFault(f"a fault rule makes {method} fail", code=affect.code)
        if affect.delay:
            async with self._waited(affect.delay):
                yield
            return
        with contextlib.suppress(RescueError):  # an error is a reply as well
            yield
        raise InjectedFault(f"a fault rule has lost the reply of {method}", code="UNAVAILABLE")

    @property
    def has_rules(self) -> bool:
        """Whether a rule may still act."""
        return any(active.state is not RuleState.SPENT for active in self._rules.values())

    @property
    def affects_calls(self) -> bool:
        """Whether any rule is about calls."""
        return bool(self._on_calls or self._affecting)

    def loses(self, session: str, what: LostMessage) -> bool:
        """Whether this heartbeat, or reply to one, gets lost; counts it."""
        for active in self._losing:
            action = active.rule.action
            if active.session == session and isinstance(action, Lose) and action.what is what:
                self._act(active, self._losing)
                return True
        return False

    def affect_post(self, session: str) -> AffectPost | None:
        """Return what a receiver seems to answer to a post of this session; counts it. None without such a rule."""
        for active in self._posts:
            action = active.rule.action
            if isinstance(action, AffectPost) and covers(active.technicians, self._state.sessions.get(session)):
                self._act(active, self._posts)
                return action
        return None

    @property
    def api_methods(self) -> list[str]:
        """The methods of the public API that rules are about, in small letters."""
        return sorted({active.rule.action.method for active in self._api if isinstance(active.rule.action, AffectApi)})

    def on_api_change(self, listener: Callable[[], None]) -> None:
        """Call this whenever `api_methods` may have changed."""
        self._on_api_change = listener

    async def affect_api(self, method: str) -> AffectApi | None:
        """Return what is to happen to a call of the public API, after its delay; counts it. None without a rule."""
        for active in self._api:
            action = active.rule.action
            if isinstance(action, AffectApi) and action.method == method.lower():
                self._act(active, self._api)
                self._on_api_change()
                if action.delay:
                    async with self._waited(action.delay):
                        pass
                return action
        return None

    def follow(self, session: str, listener: Callable[[ComputerOrder], None]) -> Callable[[], None]:
        """Send orders to a computer. Returns a function that ends this."""
        self._followers[session] = listener
        for order in self._waiting.pop(session, []):
            listener(order)

        def forget() -> None:
            if self._followers.get(session) is not listener:
                return
            del self._followers[session]
            waiting = {order.number for order in self._waiting.get(session, ())}
            for number in [n for n, o in self._open.items() if o.session == session and n not in waiting]:
                self.order_done(session, number)

        return forget

    def order_done(self, session: str, number: int) -> None:
        """A computer has carried out an order (or will never)."""
        if (order := self._open.get(number)) is None or order.session != session:
            return
        del self._open[number]
        self._barriers.release(order.barrier)
        order.active.left, order.active.state = 0, RuleState.SPENT

    # At work

    def _fire(self, active: ActiveRule, session: str) -> None:
        active.state, active.fired_at = RuleState.AT_WORK, self._clock.now()
        active.session = active.rule.session or session
        log.info("fault rule %d acts: %s", active.number, active.rule.text)
        match active.rule.action:
            case OrderComputer(line=line):
                active.left = 1
                self._order(active, line)
            case Lose(times=times):
                active.left = times
                self._losing.append(active)
            case AffectCall(times=times):
                active.left = times
                self._affecting.append(active)
            case AffectPost(times=times):
                active.left = times
                self._posts.append(active)
            case AffectApi(times=times):
                active.left = times
                self._api.append(active)
                self._on_api_change()

    def _order(self, active: ActiveRule, line: str) -> None:
        self._last_order += 1
        order = ComputerOrder(number=self._last_order, line=line)
        # A barrier also while nobody listens: a computer that has just joined will in a moment.
        barrier = self._barriers.add(self._clock.now(), active.session)
        self._open[order.number] = _OpenOrder(session=active.session, active=active, barrier=barrier)
        if (listener := self._followers.get(active.session)) is not None:
            listener(order)
        else:
            self._waiting.setdefault(active.session, []).append(order)

    def _act(self, active: ActiveRule, hook: list[ActiveRule]) -> None:
        active.left -= 1
        if active.left == 0:
            active.state = RuleState.SPENT
            hook.remove(active)

    def _called(self, method: str, user: str, whose: frozenset[str]) -> AffectCall | None:
        for active in list(self._on_calls):
            moment = active.rule.moment
            if isinstance(moment, Called) and _concerns(active, moment, method, user, whose):
                active.calls += 1
                if active.calls == moment.nth:
                    self._on_calls.remove(active)
                    self._fire(active, "")
        for active in self._affecting:
            action = active.rule.action
            if isinstance(action, AffectCall) and _concerns(active, action, method, user, whose):
                self._act(active, self._affecting)
                return action
        return None

    @contextlib.asynccontextmanager
    async def _waited(self, delay: timedelta) -> AsyncIterator[None]:
        """Wait for emulated time to pass. An advance goes on after the block."""
        barrier = self._barriers.add(self._clock.now() + delay, "delayed calls")
        changed = asyncio.Event()
        forget = self._clock.on_change(changed.set)
        try:
            while (missing := self._clock.seconds_until(barrier.due)) != 0:
                changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(missing):
                        await changed.wait()
            yield
        finally:
            forget()
            self._barriers.release(barrier)


def _ignore() -> None:
    """Do nothing: nobody listens."""


def _changes(applied: AppliedEvent, after: Session) -> dict[str, Status]:
    """Return the new status of each technician whose queue shows another one now."""
    before, event = applied.before, applied.event
    found: dict[str, Status] = {}
    if isinstance(event, OrganizationEvent):
        return found
    for technician in {*(before.entries if before else ()), *after.entries}:
        previous = before.status_for(technician) if before else None
        status = status_after(after, event, technician)
        if status is not previous:
            found[technician] = status
    return found


def _shows(session: Session, shown: Shown) -> bool:
    names = [shown.user] if shown.user else session.entries
    return any(session.status_for(name) is shown.status for name in names)


def _concerns(active: ActiveRule, part: Called | AffectCall, method: str, user: str, whose: frozenset[str]) -> bool:
    is_ours = not active.technicians or not active.technicians.isdisjoint(whose)
    return is_ours and part.method == method and part.user in ("", user)


def _fits(active: ActiveRule, session: Session, changes: Mapping[str, Status]) -> bool:
    moment = active.rule.moment
    return (
        isinstance(moment, Shown)
        and moment.session in ("", session.id)
        and covers(active.technicians, session)
        and any(status is moment.status and moment.user in ("", technician) for technician, status in changes.items())
    )
