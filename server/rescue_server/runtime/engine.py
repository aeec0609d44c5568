"""The single writer: decide, store, apply, publish, in this order, one command after the other.

A command is decided at once, on a state that may be ahead of the store. Many commands are stored together
(`commit.py`). When they are on the disk, they are published and answered. If storing fails, the state ahead is set
back and every command that is not stored yet is refused. So nothing is answered or shown that is not stored.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

import msgspec

from rescue_protos.errors import STORAGE_ERRORS, RescueError
from rescue_server.clock import ServerClock
from rescue_server.core.decide import Context
from rescue_server.core.organization import OrganizationEvent
from rescue_server.core.queue import QueueUpdate
from rescue_server.runtime.chat_log import ChatLog
from rescue_server.runtime.checkpoint import Checkpoints
from rescue_server.runtime.commit import GroupCommit, Staged
from rescue_server.runtime.hooks import Hooks, Subscriber
from rescue_server.runtime.idempotency import Answer, Handler, OnceOnly, Outcome, Request, stored_answer
from rescue_server.runtime.pending_answer import PendingAnswer
from rescue_server.runtime.recovery import publish, replay, understood
from rescue_server.runtime.schedule.live import LiveSchedule
from rescue_server.runtime.schedule.protocol import Schedule
from rescue_server.runtime.session_records import SessionRecords
from rescue_server.runtime.state import AnyEvent, AppliedEvent, EngineState, EngineStates, updates_of
from rescue_server.runtime.store_thread import StoreThread
from rescue_server.runtime.watch import Watch
from rescue_server.store.protocol import ClockMark, Store, StoredEvent

__all__ = ["Answer", "Engine", "Handler", "Outcome", "Request", "live_engine"]
PORTION = 40  # deadlines applied in one turn of the event loop: a call of somebody else waits for some six turns
T = TypeVar("T")


class Engine:
    """Owns the states, and the order in which they change. Its parts are given to it (`live_engine` composes them)."""

    def __init__(
        self,
        store: StoreThread,
        clock: ServerClock,
        schedule: Schedule,
        states: EngineStates,
        requests: OnceOnly,
        commit: GroupCommit,
        hooks: Hooks,
        watch: Watch,
    ) -> None:
        self.clock = clock
        self.schedule = schedule
        self.watch = watch
        self.chats = ChatLog()
        self.records = SessionRecords()
        self._store = store
        self._states = states
        self._requests = requests
        self._commit = commit
        self._hooks = hooks
        self._subscribers: list[Subscriber] = []
        self._caught_up = asyncio.Event()
        self._caught_up.set()
        self.refused_batches = 0  # how often storing failed

    @property
    def store(self) -> Store:
        """The store. Call it through `in_store` only."""
        return self._store.store

    @property
    def history(self) -> str:
        """The identity of the history that revisions belong to; another one after a restored backup."""
        return self.store.identity().history

    @property
    def published(self) -> EngineState:
        """The state that consoles see: everything in it is stored."""
        return self._states.published

    @property
    def ahead(self) -> EngineState:
        """The state that commands are decided on: some of it may not be stored yet."""
        return self._states.ahead

    def subscribe(self, subscriber: Subscriber) -> None:
        """Give the subscriber each event that is published from now on, in order."""
        self._subscribers.append(subscriber)

    # Starting and stopping

    def load(self, checkpoints: Checkpoints | None = None) -> None:
        """Replay the journal, from a checkpoint on if there is one. Raises JournalUnreadable, StoreError."""
        self.replay(checkpoints or Checkpoints())
        self.begin()

    def replay(self, checkpoints: Checkpoints) -> None:
        """Make the published state of the journal. Raises JournalUnreadable, StoreError."""
        replay(self.store, self.published, self.watch, self.chats, self.records, checkpoints)
        self.subscribe(checkpoints)

    def follow(self, checkpoints: Checkpoints) -> None:
        """As `replay`, and keep what `begin` needs while another server decides."""
        self.replay(checkpoints)
        self.schedule.prepare()

    def absorb(self, events: Sequence[StoredEvent]) -> None:
        """Publish what another server stored, before this one begins. Raises JournalUnreadable."""
        for stored in events:
            applied, updates = understood(self.published, stored)
            self._show(applied, updates)
            self.schedule.record(applied)

    def begin(self) -> None:
        """Decide on commands from now on: first of all, what is due is found."""
        self.ahead.assign(self.published)
        self.schedule.start()

    def forget(self, sessions: Iterable[str]) -> None:
        """Take sessions out that the store has dropped."""
        for session_id in sessions:
            self.published.forget(session_id)
            self.ahead.forget(session_id)
            self.records.forget(session_id)

    async def run(self) -> None:
        """Store and publish what is staged, until cancelled."""
        learning = asyncio.create_task(self._learn_requests())
        try:
            await self._commit.run(self._publish, self._refuse, self._hooks)
        finally:
            learning.cancel()

    async def _learn_requests(self) -> None:
        with contextlib.suppress(*STORAGE_ERRORS):  # then the store is asked for each request
            await self._requests.learn()

    async def flush(self) -> None:
        """Wait until everything staged is published or refused."""
        await self._commit.flush()

    async def close(self) -> None:
        """Store the clock and close the store."""
        with contextlib.suppress(*STORAGE_ERRORS):
            await self.mark_clock()
        await self._store.close()

    async def mark_clock(self) -> None:
        """Store where the clock stands: after a restart it goes on from there. Raises StorageUnavailable."""
        await self.in_store(lambda: self.store.mark_clock(clock_mark(self.clock)))

    async def stored_events(self, after: int, *, through: int, limit: int, stream: str = "") -> list[StoredEvent]:
        """Return the next events of the journal, all or of one stream, up to a published revision.

        Holds up nothing that is being stored. Raises StorageUnavailable.
        """
        return await self._store.read(lambda reader: reader.read(after, through=through, limit=limit, stream=stream))

    async def in_store(self, call: Callable[[], T]) -> T:
        """Run a call of the store after those before it. Raises StorageUnavailable."""
        return await self._store.run(call)

    # Handling

    async def perform(self, handler: Handler, request: Request | None = None) -> Answer:
        """Run a handler and return its answer once it is stored.

        The same request again gets the same answer, a refusal included, and has no second effect. Raises RescueError.
        """
        if not self.schedule.accepts(request):
            return Answer()
        if not self._caught_up.is_set():
            await self._caught_up.wait()
        if self.schedule.is_out_of_date:
            await self.catch_up_in_portions()
        if request is None:
            return await self._stage(handler, None).wait()
        return await self._requests.perform(request, lambda: self._stage(handler, request))

    def context(self, now: datetime) -> Context:
        """Return what a decision at this moment needs."""
        return Context(organization=self.ahead.organization, in_focus=self._hooks.in_focus(), now=now)

    def catch_up(self) -> datetime:
        """Apply everything that is due by now, in order, and return the time.

        Stops at a lease that ran out and is not confirmed as expired: the clock is held there until it is.
        """
        now = self.clock.now()
        self._apply_due(now)
        return max(now, self.ahead.at) if self.ahead.at else now

    async def catch_up_in_portions(self) -> int:
        """As `catch_up`, but others run in between. Commands wait meanwhile: what is due comes before them.

        Returns how many deadlines were applied.
        """
        applied, is_more = self._portion()
        if not is_more:
            return applied
        self._caught_up.clear()
        try:
            while is_more:
                await asyncio.sleep(0)
                more, is_more = self._portion()
                applied += more
        finally:
            self._caught_up.set()
        return applied

    def _portion(self) -> tuple[int, bool]:
        """Do a portion of what is to do; return how many deadlines were applied, and whether there is more to do."""
        real_time = asyncio.get_running_loop().time
        began = real_time()
        applied = 0
        if not (is_more := self.schedule.refresh(PORTION)):
            applied = self._apply_due(self.clock.now(), PORTION)
            is_more = applied == PORTION
        self._hooks.on_work("deadlines", real_time() - began)
        return applied, is_more

    def _apply_due(self, now: datetime, at_most: int | None = None) -> int:
        applied = 0
        while applied != at_most and (events := self.schedule.take_due(now)) is not None:
            self._stage_events(events, Answer(), None)
            applied += 1
        return applied

    def _stage(self, handler: Handler, request: Request | None) -> PendingAnswer:
        """Decide and apply to the state ahead; storing follows. Raises RescueError if nothing is to happen."""
        context = self.context(self.catch_up())
        outcome = handler(self.ahead, context)
        return self._stage_events(outcome.events, outcome.answer, request)

    def _stage_events(self, events: Sequence[AnyEvent], answer: Answer, request: Request | None) -> PendingAnswer:
        done = PendingAnswer()
        applied_events, updates = self._apply(events)
        answer = msgspec.structs.replace(answer, revision=self.ahead.revision)
        for applied in applied_events:
            self.schedule.record(applied)
        if not applied_events and request is None:
            done.answer(answer)
            return done
        kept = None if request is None else stored_answer(answer, request)
        self._commit.add(Staged(events=applied_events, updates=updates, answer=answer, stored_answer=kept, done=done))
        return done

    def _apply(self, events: Sequence[AnyEvent]) -> tuple[list[AppliedEvent], list[dict[str, QueueUpdate]]]:
        """Apply all the events to the state ahead, or none."""
        applied_events: list[AppliedEvent] = []
        updates: list[dict[str, QueueUpdate]] = []
        start = self.ahead.revision
        try:
            for event in events:
                following: list[AnyEvent] = [event]
                while following:
                    applied = self.ahead.apply(following.pop(0))
                    applied_events.append(applied)
                    updates.append(updates_of(applied))
                    following += self._hooks.follow_up(applied)
        except Exception:
            self.ahead.undo(applied_events, start)
            raise
        return applied_events, updates

    def _publish(self, staged: Staged) -> None:
        for applied, updates in zip(staged.events, staged.updates, strict=True):
            if applied.after is not None:
                self.published.put(applied.after)
            self.published.organization = applied.organization
            self.published.revision, self.published.at = applied.revision, applied.event.at
            self._show(applied, updates)
            self.schedule.confirm(applied)

    def _show(self, applied: AppliedEvent, updates: Mapping[str, QueueUpdate]) -> None:
        """Give a stored event to everybody who follows what happens."""
        publish(self.watch, applied, updates)
        self.chats.record(applied)
        self.records.record(applied)
        for subscriber in self._subscribers:
            subscriber.on_applied(applied)

    def _refuse(self, batch: Sequence[Staged], error: RescueError) -> None:
        """Set the state ahead back to what is published, and refuse every command on its way."""
        self.refused_batches += 1
        applied_events = [applied for staged in batch for applied in staged.events]
        for session_id in {applied.after.id for applied in applied_events if applied.after is not None}:
            published = self.published.sessions.get(session_id)
            self.ahead.forget(session_id)
            if published is not None:
                self.ahead.put(published)
            self.schedule.set_back(session_id, published)
        self.ahead.organization = self.published.organization
        self.ahead.last_session = self.published.last_session
        self.ahead.revision, self.ahead.at = self.published.revision, self.published.at
        if any(isinstance(applied.event, OrganizationEvent) for applied in applied_events):
            self.schedule.organization_changed()
        for staged in batch:
            staged.done.refuse(error)


def clock_mark(clock: ServerClock) -> ClockMark:
    """Return the reading of the clock that the store keeps."""
    reading = clock.read()
    return ClockMark(now=reading.now, speed=reading.speed, paused=reading.paused)


def compose_engine(
    store: Store,
    clock: ServerClock,
    schedule: Schedule,
    states: EngineStates,
    *,
    hooks: Hooks | None = None,
    watch: Watch | None = None,
) -> Engine:
    """Return an engine with this schedule, and the parts that every engine has."""
    thread = StoreThread(store)
    commit = GroupCommit(thread, partial(clock_mark, clock))
    return Engine(thread, clock, schedule, states, OnceOnly(thread), commit, hooks or Hooks(), watch or Watch())


def live_engine(store: Store, clock: ServerClock, *, hooks: Hooks | None = None, watch: Watch | None = None) -> Engine:
    """Return an engine whose sessions change by requests and by the passing of time."""
    states = EngineStates()
    return compose_engine(store, clock, LiveSchedule(clock, states), states, hooks=hooks, watch=watch)
