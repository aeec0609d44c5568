"""The single writer: decide, store, apply, publish, in this order, one act after the other.

An act is decided at once on the state that runs ahead of the store; many acts are stored together (group commit); when
they are on the disk they are published and answered. If storing fails, the state ahead is set back and every act that
was on its way is refused: nothing is acknowledged that is not stored, and nothing unstored is ever shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import ParamSpec, TypeVar

import msgspec

from rescue_protos.errors import (
    STORAGE_ERRORS,
    RequestReused,
    RescueError,
    ResourceExhausted,
    StorageFull,
    StorageUnavailable,
)
from rescue_server.clock import ServerClock
from rescue_server.core.decide import Context, on_due
from rescue_server.core.organization import OrganizationEvent
from rescue_server.core.queue import QueueUpdate
from rescue_server.core.session import Session
from rescue_server.core.status import Link
from rescue_server.core.timers import DeadlineKind, SessionDeadline, deadlines
from rescue_server.runtime.chat_log import ChatLog
from rescue_server.runtime.idempotency import Answer, Handler, Outcome, Request, reused, stored_answer
from rescue_server.runtime.recovery import branch_of, publish, replay
from rescue_server.runtime.schedule.deadlines import DeadlineQueue
from rescue_server.runtime.schedule.leases import Lease, Leases
from rescue_server.runtime.state import AnyEvent, AppliedEvent, EngineState, updates_of
from rescue_server.runtime.watch import Watch
from rescue_server.store.errors import StoreError, StoreFull
from rescue_server.store.protocol import ClockMark, Store, StoredAnswer, StoredEvent

__all__ = ["Answer", "Engine", "Handler", "Outcome", "Request"]
P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)
REMEMBERED_ANSWERS = 10_000


@dataclass(slots=True, kw_only=True)
class _Staged:
    steps: list[AppliedEvent]
    updates: list[dict[str, QueueUpdate]]
    answer: Answer
    stored_answer: StoredAnswer | None
    done: asyncio.Future[Answer]


@dataclass(slots=True)
class _Asked:
    fingerprint: str
    task: asyncio.Task[Answer] | None = None  # while it is under way, and of an answer
    refusal: RescueError | None = None


class Engine:
    """Owns the state. `in_focus` returns the technicians in focus; `on_applied` receives each published event."""

    def __init__(
        self,
        store: Store,
        clock: ServerClock,
        *,
        in_focus: Callable[[], frozenset[str]] = frozenset,
        on_applied: Callable[[AppliedEvent], None] = lambda step: None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.watch = Watch()
        self.chats = ChatLog()
        self.published = EngineState()
        self.ahead = EngineState()
        self.agenda = DeadlineQueue()
        self.leases = Leases(self._reconnect_period)
        self.changed = asyncio.Event()  # what falls due next may be something else now
        self.in_focus = in_focus
        self.on_applied = on_applied
        self.on_expired_lease: Callable[[str], None] = lambda session: None
        self.on_append: Callable[[float, int], None] = lambda seconds, events: None  # seconds are real
        self._organized_at: datetime | None = None  # when the organization last changed
        self._let_go: dict[str, Lease] = {}  # ended by steps that are not stored yet
        self._asked: dict[tuple[str, str], _Asked] = {}
        self._staged: list[_Staged] = []
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._store_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    # Starting and stopping

    def load(self) -> None:
        """Replay the journal. Every lease begins anew: nobody lost a network because the server was away."""
        self.published = replay(self.store, self.watch, self.chats)
        self.ahead = branch_of(self.published)
        for session in self.ahead.sessions.values():
            self._note(session)

    async def run(self) -> None:
        """Store and publish what is staged, until cancelled."""
        while True:
            await self._work.wait()
            self._work.clear()
            batch, self._staged = self._staged, []
            if batch:
                await self._commit(batch)
            if not self._staged:
                self._idle.set()

    async def flush(self) -> None:
        """Wait until all that was staged is published or refused."""
        while self._staged or not self._idle.is_set():
            await self._idle.wait()

    async def close(self) -> None:
        """Store the clock and let go of the store."""
        with contextlib.suppress(*STORAGE_ERRORS):
            await self.mark_clock()
        await self._in_store_thread(self.store.close)
        self._store_thread.shutdown()

    async def mark_clock(self) -> None:
        """Store where the clock stands: after a restart it goes on from there. Raises StorageUnavailable."""
        await self.in_store(lambda: self.store.mark_clock(self._clock_mark()))

    async def stored_events(self, after: int, limit: int) -> list[StoredEvent]:
        """Return the next published events of the journal. Raises StorageUnavailable."""
        found = await self.in_store(lambda: list(islice(self.store.read(after), limit)))
        return [stored for stored in found if stored.revision <= self.published.revision]

    async def in_store(self, call: Callable[[], T]) -> T:
        """Have the store do something, in its turn. Raises StorageUnavailable."""
        try:
            return await self._in_store_thread(call)
        except StoreError as error:
            raise _trouble(error) from None

    # Acting

    async def perform(self, handler: Handler, request: Request | None = None) -> Answer:
        """Carry out an act and return its answer once it is stored.

        The same request again gets the same answer, a refusal included, and has no second effect. Raises RescueError.
        """
        if request is None:
            return await self._stage(handler, None)
        key = (request.principal, request.id)
        asked = self._asked.get(key)
        if asked is None:
            # A task of its own: the caller may go away, the act must not be torn in two.
            asked = self._asked[key] = _Asked(request.fingerprint)
            asked.task = asyncio.ensure_future(self._perform_once(handler, request))
            asked.task.add_done_callback(lambda task: self._settle(key, task))
            self._trim_asked()
        elif asked.fingerprint != request.fingerprint:
            raise reused(request)
        if asked.task is None:
            assert asked.refusal is not None  # one of the two is there
            raise asked.refusal
        return await asyncio.shield(asked.task)

    async def _perform_once(self, handler: Handler, request: Request) -> Answer:
        stored = await self.in_store(lambda: self.store.answer(request.principal, request.id))
        if stored is None:
            return await self._stage(handler, request)
        if stored.fingerprint != request.fingerprint:
            raise reused(request)
        return msgspec.json.decode(stored.body, type=Answer)

    def _settle(self, key: tuple[str, str], task: asyncio.Task[Answer]) -> None:
        """What could not be stored, or was too much just then, may be tried again under the same id.

        A refusal stays the answer; to use another's id for something else is no answer to that id.
        """
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or isinstance(error, StorageUnavailable | ResourceExhausted | RequestReused):
            self._asked.pop(key, None)
        elif isinstance(error, RescueError) and key in self._asked:
            # The task would keep the frames that the refusal came through, and with them the whole request.
            self._asked[key].task, self._asked[key].refusal = None, error

    def _trim_asked(self) -> None:
        if len(self._asked) > REMEMBERED_ANSWERS:
            oldest = next(iter(self._asked))
            task = self._asked[oldest].task
            if task is None or task.done():
                del self._asked[oldest]

    def _stage(self, handler: Handler, request: Request | None) -> asyncio.Future[Answer]:
        """Decide and apply to the state ahead; storing follows. Raises RescueError if nothing is to happen."""
        context = self.context(self.catch_up())
        outcome = handler(self.ahead, context)
        return self._stage_events(outcome.events, outcome.answer, request)

    def _stage_events(
        self, events: Sequence[AnyEvent], answer: Answer, request: Request | None
    ) -> asyncio.Future[Answer]:
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        steps: list[AppliedEvent] = []
        changes: list[dict[str, QueueUpdate]] = []
        start = self.ahead.revision
        try:
            for event in events:
                step = self.ahead.apply(event)
                steps.append(step)
                changes.append(updates_of(step))
        except Exception:
            self._set_back(steps, start)
            raise
        answer = msgspec.structs.replace(answer, revision=self.ahead.revision)
        for step in steps:
            self._note_step(step)
        if not steps and request is None:
            done.set_result(answer)
            return done
        kept = None if request is None else stored_answer(answer, request)
        self._staged.append(_Staged(steps=steps, updates=changes, answer=answer, stored_answer=kept, done=done))
        self._idle.clear()
        self._work.set()
        return done

    def _set_back(self, steps: list[AppliedEvent], revision: int) -> None:
        """Undo steps of the state ahead that were neither stored nor noted."""
        for step in reversed(steps):
            if step.before is not None:
                self.ahead.put(step.before)
            elif step.after is not None:
                self.ahead.forget(step.after.id)
        self.ahead.revision = revision

    async def _commit(self, batch: list[_Staged]) -> None:
        events: list[StoredEvent] = [step.stored() for staged in batch for step in staged.steps]
        answers = [staged.stored_answer for staged in batch if staged.stored_answer is not None]
        real_time = asyncio.get_running_loop().time
        began = real_time()
        try:
            await self._in_store_thread(self.store.append, events, answers, self._clock_mark())
        except StoreError as error:
            log.error("nothing was stored: %s", error)
            self._refuse([*batch, *self._staged], _trouble(error))
            return
        self.on_append(real_time() - began, len(events))
        for staged in batch:
            for step, change in zip(staged.steps, staged.updates, strict=True):
                self._publish(step, change)
            if not staged.done.cancelled():
                staged.done.set_result(staged.answer)

    def _publish(self, step: AppliedEvent, change: dict[str, QueueUpdate]) -> None:
        if step.after is not None:
            self.published.put(step.after)
            if not _is_leased(step.after):
                self._let_go.pop(step.after.id, None)
        self.published.organization = step.organization
        self.published.revision, self.published.at = step.revision, step.event.at
        publish(self.watch, step, change)
        self.chats.note(step)
        self.on_applied(step)

    def _refuse(self, batch: list[_Staged], trouble: RescueError) -> None:
        """Set the state ahead back to what is published, and tell everybody who was on the way."""
        self._staged = []
        steps = [step for staged in batch for step in staged.steps]
        for session_id in {step.after.id for step in steps if step.after is not None}:
            published, lease = self.published.sessions.get(session_id), self._let_go.pop(session_id, None)
            self.ahead.forget(session_id)
            self.agenda.note(session_id, [])
            if published is None:
                self.leases.end(session_id)
                continue
            self.ahead.put(published)
            if lease is not None and _is_leased(published):
                self.leases.put_back(session_id, lease)
            self._note(published)
        self.ahead.organization = self.published.organization
        self.ahead.last_session = self.published.last_session
        self.ahead.revision, self.ahead.at = self.published.revision, self.published.at
        for step in steps:
            if isinstance(step.event, OrganizationEvent):
                self._note_organization()
        for staged in batch:
            if not staged.done.done():
                staged.done.set_exception(trouble)
                staged.done.exception()  # a timer's act has nobody who waits

    # What falls due

    def context(self, now: datetime) -> Context:
        """What a decision at this moment needs."""
        return Context(organization=self.ahead.organization, in_focus=self.in_focus(), now=now)

    def catch_up(self) -> datetime:
        """Apply all that fell due up to now, in order, and return the time it is.

        Stops at a lease that ran out and is not judged yet: the clock is then held there by who judges.
        """
        now = self.clock.now()
        while (deadline := self.next_deadline()) is not None and deadline.due <= now:
            if deadline.kind is DeadlineKind.RECONNECTING and not self.leases.is_confirmed_expired(deadline.session):
                self.on_expired_lease(deadline.session)
                break
            session = self.ahead.sessions[deadline.session]
            # What was past before it could be due (a changed setting, a lease that had to be judged) is due now.
            at = max(deadline.due, self.ahead.at or deadline.due)
            self._stage_events(on_due(session, replace(deadline, due=at)), Answer(), None)
        return max(self.clock.now(), self.ahead.at) if self.ahead.at else self.clock.now()

    def next_deadline(self) -> SessionDeadline | None:
        """What falls due first, a lease included."""
        found = [deadline for deadline in (self.agenda.first(), self._first_lease()) if deadline is not None]
        return min(found, default=None)

    def _first_lease(self) -> SessionDeadline | None:
        first = self.leases.first()
        if first is None:
            return None
        due, session = first
        return _not_before(
            self._organized_at,
            SessionDeadline(due, DeadlineKind.RECONNECTING, "", session, self._reconnect_period(session)),
        )

    def _reconnect_period(self, session_id: str) -> timedelta:
        session = self.ahead.sessions.get(session_id) or self.published.sessions[session_id]
        return self.ahead.organization.settings_of(session.owner).reconnect_period

    def _note_step(self, step: AppliedEvent) -> None:
        if step.after is not None:
            if (ended := self._note(step.after)) is not None:
                self._let_go[step.after.id] = ended
        elif isinstance(step.event, OrganizationEvent):
            self._organized_at = step.event.at
            self._note_organization()

    def _note_organization(self) -> None:
        for session in self.ahead.sessions.values():
            self._note(session)
        self.leases.refresh()

    def _note(self, session: Session) -> Lease | None:
        """Keep agenda and leases true to the session as it is now. Returns the lease that ended, if one did."""
        running = deadlines(session, self.ahead.organization)
        self.agenda.note(session.id, [_not_before(self.ahead.at, deadline) for deadline in running])
        self.changed.set()
        if not _is_leased(session):
            return self.leases.end(session.id)
        if self.leases.due(session.id) is None:
            self.leases.start(session.id, max(self.clock.now(), session.link_since))
        return None

    # The store's thread

    def _clock_mark(self) -> ClockMark:
        reading = self.clock.read()
        return ClockMark(now=reading.now, speed=reading.speed, paused=reading.paused)

    async def _in_store_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._store_thread, lambda: call(*args, **kwargs))


def _not_before(moment: datetime | None, deadline: SessionDeadline) -> SessionDeadline:
    """What a change of the settings or of the link finds overdue is due now: nothing happens in the past."""
    return deadline if moment is None or moment <= deadline.due else replace(deadline, due=moment)


def _is_leased(session: Session) -> bool:
    return session.link is Link.CONNECTED and session.ended_at is None


def _trouble(error: StoreError) -> RescueError:
    again = "and nothing changed; try again with the same request id"
    if isinstance(error, StoreFull):
        return StorageFull(f"there is no room left to store it, {again}")
    return StorageUnavailable(f"it could not be stored now, {again}")
