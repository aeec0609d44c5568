"""The engine by property: retries, a store that fails now and then, crashes, and consoles that watch.

Always: what was acknowledged is stored, and a retry gets the same answer; what could not be stored never happened; a
restart finds the same state; and a console that resumes sees each change once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rescue_protos.errors import FailedPrecondition, NotFound, RequestReused, RescueError, StorageUnavailable
from rescue_server.clock import ServerClock
from rescue_server.core.commands import AnyCommand
from rescue_server.core.customer_side import on_attach, on_going_down, on_goodbye, on_sign_of_life
from rescue_server.core.decide import Context, decide
from rescue_server.core.organization import AnyOrganizationEvent, ChannelAdded, GroupAdded, TechnicianAdded
from rescue_server.core.session import Session
from rescue_server.core.status import Link, Status
from rescue_server.core.timers import DeadlineKind, SessionDeadline, deadlines
from rescue_server.runtime import command_handlers, setting_handlers
from rescue_server.runtime.checkpoint import Checkpoints
from rescue_server.runtime.engine import Answer, Engine, Handler, Outcome, Request, live_engine
from rescue_server.runtime.hooks import Hooks
from rescue_server.runtime.schedule.live import LiveSchedule
from rescue_server.runtime.state import EngineState
from rescue_server.store.errors import StoreUnavailable
from rescue_server.store.memory import MemoryStore
from rescue_server.store.protocol import ClockMark, StoredAnswer, StoredEvent
from tests.simulation.state_space import START, TECHNICIANS, check, commands_of

pytestmark = pytest.mark.no_cover  # counting lines would double the time of so many steps

T = TypeVar("T")
technicians = st.sampled_from(TECHNICIANS)
whiches = st.integers(0, 999)


def first_deadline(engine: Engine) -> SessionDeadline | None:
    """The first deadline, leases apart."""
    assert isinstance(engine.schedule, LiveSchedule)
    return engine.schedule.deadlines.first()


class Disk(MemoryStore):
    """A store that outlives its engine, and refuses writes while it is `full`."""

    full = False

    def append(
        self,
        events: Sequence[StoredEvent],
        answers: Sequence[StoredAnswer] = (),
        clock: ClockMark | None = None,
    ) -> None:
        if self.full:
            raise StoreUnavailable(path=Path("disk"), cause="no room")
        super().append(events, answers, clock)


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request and its result."""

    request: Request
    handler: Handler
    outcome: Answer | RescueError


class EngineAtRandom(RuleBasedStateMachine):
    """An engine with a disk, a clock that the test moves, and one console for each technician."""

    engine: Engine
    clock: ServerClock
    replica: Engine

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.disk = Disk()
        self.seconds = 0.0
        self.pins = iter(range(1_000_000))
        self.asked: list[SentRequest] = []
        self.shown: dict[str, dict[str, Status]] = {name: {} for name in TECHNICIANS}
        self.seen = dict.fromkeys(TECHNICIANS, 0)
        self._boot()
        self._do(self.engine.perform(lambda desk, context: Outcome(events=_organization())))

    # Requests and their retries

    @rule(technician=technicians)
    def create_pin(self, technician: str) -> None:
        self._send(technician, command_handlers.create_pin(technician, "Jan", lambda: f"{next(self.pins):06d}"))

    @rule(technician=technicians, which=whiches)
    def command(self, technician: str, which: int) -> None:
        """Give any command, allowed or not."""
        if (session := self._some_session(which)) is not None:
            commands = list(commands_of(session, technician, self.engine.published.organization))
            self._send(technician, command_handlers.command(commands[which % len(commands)]))

    @rule(picks=st.lists(whiches, min_size=1, max_size=4))
    def something_possible(self, picks: list[int]) -> None:
        for which in picks:
            session = self._some_session(which)
            possible = [] if session is None else list(self._possible(session))
            if possible:
                command = possible[which % len(possible)]
                self._send(command.technician, command_handlers.command(command))

    @precondition(lambda self: self.asked)
    @rule(which=whiches)
    def ask_again(self, which: int) -> None:
        """The same request gets the same answer, and nothing happens a second time."""
        asked = self.asked[which % len(self.asked)]
        self._catch_up()
        before = self.engine.published.revision
        assert _same(self._try(asked.handler, asked.request), asked.outcome)
        assert self.engine.published.revision == before

    @precondition(lambda self: self.asked)
    @rule(which=whiches)
    def use_an_id_for_something_else(self, which: int) -> None:
        asked = self.asked[which % len(self.asked)]
        self._catch_up()
        before = self.engine.published.revision
        other = msgspec.structs.replace(asked.request, fingerprint="another")
        assert isinstance(self._try(asked.handler, other), RequestReused)
        assert self.engine.published.revision == before

    # The customer's side, and time

    @rule(which=whiches, what=st.sampled_from(["join", "join", "join", "down", "beat", "goodbye"]))
    def customer(self, which: int, what: str) -> None:
        session = self._some_session(which)
        if session is None or (not session.is_redeemed and what != "join"):
            return
        if not session.is_redeemed:
            self._try(command_handlers.redeem_pin(session.pin, "", "hash"))
        decision = {
            "join": on_attach,
            "down": lambda session, context: on_going_down(session, order=session.reboot_order, context=context),
            "beat": on_sign_of_life,
            "goodbye": on_goodbye,
        }[what]
        self._try(command_handlers.of_applet(session.id, decision))
        self.engine.schedule.leases.renew(session.id, self.clock.now())

    @rule(seconds=st.sampled_from([0.5, 10.0, 59.0, 61.0, 300.0]), answering=whiches)
    def time_passes(self, seconds: float, answering: int) -> None:
        """Expired leases are confirmed: some applets answer, the others lose their link at the due time."""
        self.seconds += seconds
        while (deadline := self.engine.schedule.next_deadline()) is not None and deadline.due <= self.clock.now():
            if deadline.kind is DeadlineKind.RECONNECTING and not self.engine.schedule.leases.is_confirmed_expired(
                deadline.session
            ):
                if (int(deadline.session) + answering) % 2:
                    self.engine.schedule.leases.confirm_expired([deadline.session])
                else:
                    self.engine.schedule.leases.renew(deadline.session, self.clock.now())
                continue
            self._catch_up()
            if self.disk.full:
                break

    @rule(idle=st.integers(0, 2), reconnect=st.sampled_from([30, 60, 120]))
    def settings_change(self, idle: int, reconnect: int) -> None:
        changes = {"idle_timeout": timedelta(minutes=idle), "reconnect_period": timedelta(seconds=reconnect)}
        self._try(setting_handlers.change_settings("admin", "group:Support", changes))

    # The disk, crashes, and consoles

    @precondition(lambda self: not self.disk.full)
    @rule(technician=technicians)
    def what_cannot_be_stored_never_was(self, technician: str) -> None:
        self._catch_up()
        desk, agenda = _facts(self.engine.published), first_deadline(self.engine)
        handler = command_handlers.create_pin(technician, "Jan", lambda: f"{next(self.pins):06d}")
        request = self._request(technician)
        self.disk.full = True
        assert isinstance(self._try(handler, request), StorageUnavailable)
        assert _facts(self.engine.published) == desk
        assert _facts(self.engine.ahead) == desk
        assert first_deadline(self.engine) == agenda
        self.disk.full = False
        # A retry with the same id runs again: the failure was for a passing reason.
        answer = self._try(handler, request)
        assert isinstance(answer, Answer)
        assert answer.session in self.engine.published.sessions
        self.asked.append(SentRequest(request, handler, answer))

    @rule(orderly=st.booleans())
    def restart(self, orderly: bool) -> None:
        """Crash, or stop in order: each session, queue, PIN, setting and timer is as before."""
        self._catch_up()
        if orderly:
            self._do(self.engine.mark_clock())
        before, now = self.engine, self.clock.now()
        # The server does not store refusals: a refused command changed nothing.
        self.asked = [asked for asked in self.asked if isinstance(asked.outcome, Answer)]
        self._halt()
        self._boot()
        assert _facts(self.engine.published) == _facts(before.published)
        assert _facts(self.engine.ahead) == _facts(before.published)
        assert first_deadline(self.engine) == first_deadline(before)
        assert set(self.engine.schedule.leases) == set(before.schedule.leases)
        if orderly:
            assert self.clock.now() == now
        for session in (
            self.engine.schedule.leases
        ):  # extended by the restart: no computer lost its network because the server was down
            assert self.engine.schedule.leases.due(session) == self.clock.now() + self.engine.schedule.leases.period(
                session
            )

    @rule()
    def fail_over(self) -> None:
        """The leader dies, and the replica begins: as after a restart, and without reading the journal."""
        self._catch_up()
        before = self.engine
        self.asked = [asked for asked in self.asked if isinstance(asked.outcome, Answer)]
        self._halt()
        self._follow()
        self.engine, self.clock = self.replica, self.replica.clock
        self.clock.hold()
        self.clock.move_to(before.clock.now())
        self.clock.release()
        self.engine.begin()
        self._run()
        assert _facts(self.engine.ahead) == _facts(before.published)
        assert first_deadline(self.engine) == first_deadline(before)
        assert set(self.engine.schedule.leases) == set(before.schedule.leases)

    @rule(technician=technicians)
    def read_along(self, technician: str) -> None:
        """A console resumes after the last revision that it saw: no change is missing or repeated."""
        watch = self.engine.watch
        watcher = watch.open(technician, "console")
        watcher.after = self.seen[technician]
        shown = self.shown[technician]
        while taken := watch.take(watcher):
            for revised in taken:
                assert revised.revision > self.seen[technician]
                self.seen[technician] = revised.revision
                update = revised.update
                if update.status_changed and update.entry is not None:
                    assert shown.get(update.session) == update.previous
                    if update.entry.status in (Status.REMOVED, Status.REMOVED_TIMED_OUT):
                        del shown[update.session]
                    else:
                        shown[update.session] = update.entry.status
        assert taken is not None, "the ring holds all of so short a story"
        watch.close(watcher)
        desk = self.engine.published
        assert shown == {session.id: session.status_for(technician) for session in desk.queue_of(technician)}

    # What holds after every step

    @invariant()
    def what_is_ahead_was_published(self) -> None:
        assert _facts(self.engine.ahead) == _facts(self.engine.published)
        assert self.disk.last_revision() == self.engine.published.revision

    @invariant()
    def a_replica_knows_what_the_leader_knows(self) -> None:
        self._follow()
        assert _facts(self.replica.published) == _facts(self.engine.published)
        assert self.replica.chats.copy() == self.engine.chats.copy()
        assert self.replica.records.copy() == self.engine.records.copy()
        assert self.replica.watch.revision == self.engine.watch.revision

    @invariant()
    def a_replica_has_the_deadlines_that_it_would_begin_with(self) -> None:
        self._follow()
        state, schedule = self.replica.published, self.replica.schedule
        assert isinstance(schedule, LiveSchedule)
        while schedule.refresh(100):
            pass

        def plain(found: Iterable[SessionDeadline]) -> set[tuple[DeadlineKind, str, datetime]]:
            return {(one.kind, one.technician, max(one.due, state.at or one.due)) for one in found}

        for session in state.sessions.values():
            kept = schedule.deadlines._current.get(session.id, frozenset())
            assert plain(kept) == plain(deadlines(session, state.organization))
        assert not list(schedule.leases)

    @invariant()
    def a_queue_is_found_without_looking_at_every_session(self) -> None:
        for state in (self.engine.ahead, self.engine.published):
            walked: dict[str, list[Session]] = {}
            for session in sorted(state.sessions.values(), key=lambda session: int(session.id)):
                for technician in session.entries:
                    walked.setdefault(technician, []).append(session)
            assert {technician: state.queue_of(technician) for technician in state._queues} == walked

    @invariant()
    def time_never_goes_back_in_the_journal(self) -> None:
        moments = [event.at for event in self.disk.read()]
        assert moments == sorted(moments)

    @invariant()
    def leases_are_for_connected_applets(self) -> None:
        connected = {
            session.id
            for session in self.engine.published.sessions.values()
            if session.link is Link.CONNECTED and session.ended_at is None
        }
        assert set(self.engine.schedule.leases) == connected
        for session in self.engine.published.sessions.values():
            check(session)

    def teardown(self) -> None:
        self._halt()
        self.runner.close()

    # Helpers

    def _boot(self) -> None:
        self.engine = self._new_engine()
        self.clock = self.engine.clock
        self.engine.load()
        self._run()

    def _new_engine(self) -> Engine:
        mark = self.disk.clock()
        clock = ServerClock(start=mark.now if mark else START, monotonic=lambda: self.seconds)
        return live_engine(self.disk, clock, hooks=Hooks(in_focus=lambda: frozenset({"alice"})))

    def _follow(self) -> None:
        self.replica.absorb(list(self.disk.read(self.replica.published.revision)))

    def _run(self) -> None:
        """Let the engine store, and have a new replica beside it."""
        self.replica = self._new_engine()
        self.replica.follow(Checkpoints())

        async def begin() -> asyncio.Task[None]:
            return asyncio.ensure_future(self.engine.run())

        self.running = self.runner.run(begin())

    def _halt(self) -> None:
        async def end() -> None:
            self.running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.running

        self.runner.run(end())
        self.engine._store._thread.shutdown()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def _catch_up(self) -> None:
        async def catch_up() -> None:
            self.engine.catch_up()
            await self.engine.flush()

        self._do(catch_up())

    def _request(self, principal: str) -> Request:
        return Request(
            principal=principal, id=f"request-{len(self.asked)}-{self.seconds}-{next(self.pins)}", fingerprint="f"
        )

    def _send(self, technician: str, handler: Handler) -> None:
        request = self._request(technician)
        outcome = self._try(handler, request)
        assert isinstance(outcome, Answer | FailedPrecondition | NotFound)
        if isinstance(outcome, Answer):
            assert outcome.revision == self.engine.published.revision
        self.asked.append(SentRequest(request, handler, outcome))

    def _try(self, handler: Handler, request: Request | None = None) -> Answer | RescueError:
        async def attempt() -> Answer | RescueError:
            try:
                return await self.engine.perform(handler, request)
            except RescueError as refusal:
                return refusal
            finally:
                await self.engine.flush()

        return self._do(attempt())

    def _some_session(self, which: int) -> Session | None:
        sessions = list(self.engine.published.sessions.values())
        return sessions[which % len(sessions)] if sessions else None

    def _possible(self, session: Session) -> Sequence[AnyCommand]:
        found = []
        context = Context(organization=self.engine.published.organization, in_focus=frozenset(), now=self.clock.now())
        for technician in session.entries:
            for command in commands_of(session, technician, context.organization):
                with contextlib.suppress(FailedPrecondition):
                    decide(session, command, context)
                    found.append(command)
        return found


def _organization() -> list[AnyOrganizationEvent]:
    return [
        GroupAdded(at=START, name="Support"),
        *(TechnicianAdded(at=START, name=name, group="Support") for name in TECHNICIANS),
        ChannelAdded(at=START, name="Web", groups=("Support",)),
    ]


def _facts(desk: EngineState) -> tuple[Any, ...]:
    return desk.sessions, desk.organization, desk.pins, desk.revision, desk.last_session


def _same(one: Answer | RescueError, other: Answer | RescueError) -> bool:
    if isinstance(one, Answer) or isinstance(other, Answer):
        return one == other
    return (type(one), str(one)) == (type(other), str(other))


EngineAtRandom.TestCase.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, derandomize=True, database=None
)
TestEngineAtRandom = pytest.mark.timeout(300)(EngineAtRandom.TestCase)
