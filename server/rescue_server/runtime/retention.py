"""What the server may forget, and when: sessions that ended long ago, what the organization once was, old answers.

A session is removed when no queue shows it any more and it ended longer ago than `keep_ended`. That is emulated time,
or real time in one run of the server: a paused clock must not keep everything for ever. Of those that ended,
the newest MOST_ENDED are kept at most, also across restarts.

An answer is removed after an hour of *real* time, because retries happen in real time: a console gives up after half a
minute. An applet's reports are repeated for as long as its cable is out, so their answers stay while their session goes
on.

The session with the highest number always stays, so that no number is given out twice.

A change of the organization is removed when it is older than `keep_ended`, emulated or real, and a later change
replaced it. That change must come before the first session event that is still stored (`core/compaction.py`). The
search reads the journal, so it runs once an hour of real time: administrators work in real time, whatever the clock's
speed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import msgspec

from rescue_common.emulated_time import LONGEST_PERIOD
from rescue_protos.errors import STORAGE_ERRORS
from rescue_server.core.compaction import Compaction
from rescue_server.core.session import is_gone, is_settled
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.settled_sessions import SettledSessions
from rescue_server.runtime.state import ORGANIZATION, AppliedEvent, read_event

log = logging.getLogger(__name__)
KEEP_ENDED = timedelta(days=30)  # emulated or real, whatever is over first
MOST_ENDED = 20_000  # sessions: some 50 MB of memory
KEEP_ANSWERS = 3600.0  # real seconds
DROP_EVERY = 300.0  # real seconds: to drop answers, all sessions that go on are looked at
COMPACT_EVERY = 3600.0  # real seconds
WARN_EVERY = 3600.0  # real seconds
SWEEP_EVERY = 10.0  # real seconds
AT_ONCE = 200  # sessions compacted in one transaction: commands wait for it
_READ = 1000  # events read at a time, for the same reason
_LOADED = 100  # sessions that were loaded, looked at in one turn: most of them have to be decoded
_COMPACTED_AT_ONCE = 5000  # events
_MARKS = 120  # notes of a revision within the age that is asked for


def _real_now() -> float:
    return asyncio.get_running_loop().time()


class Retention:
    """One engine's. `real_now` gives real seconds."""

    def __init__(
        self,
        engine: Engine,
        *,
        keep_ended: timedelta = KEEP_ENDED,
        most_ended: int = MOST_ENDED,
        real_now: Callable[[], float] = _real_now,
    ) -> None:
        self._engine = engine
        self._keep_ended = min(keep_ended, LONGEST_PERIOD)
        self._most_ended = most_ended
        self._real_now = real_now
        self._settled = SettledSessions()
        self._swept_at: float | None = None  # real time; before it nobody has looked at what was loaded
        self._answer_ages = _RevisionAges(KEEP_ANSWERS)
        self._change_ages = _RevisionAges(self._keep_ended.total_seconds())
        self._answers_through = 0
        self._answers_dropped_at: float | None = None  # real time
        self._compacted_at: float | None = None  # real time
        self._warned_at: float | None = None  # real time
        self._too_many = 0  # sessions that were forgotten because of their number since then

    async def run(self) -> None:
        """Sweep now and then, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_EVERY)
            with contextlib.suppress(*STORAGE_ERRORS):  # the next sweep tries again
                await self.sweep()

    async def sweep(self) -> int:
        """Remove what may be removed; return how many sessions that were. Raises StorageUnavailable."""
        if (swept_at := self._swept_at) is None:
            await self._look_at_loaded()
        before = self._engine.clock.now() - self._keep_ended
        self._swept_at = self._real_now()
        revision = self._engine.published.revision
        answers_through = self._answer_ages.old_at(self._real_now(), revision)
        changes_through = self._change_ages.old_at(self._real_now(), revision)
        forgotten = 0
        while swept_at is not None and (due := self._due(before, swept_at)):
            await self._forget(due)
            forgotten += len(due)
        if answers_through > self._answers_through and _is_over(self._answers_dropped_at, DROP_EVERY, self._real_now()):
            await self._drop_answers(answers_through)
            self._answers_through, self._answers_dropped_at = answers_through, self._real_now()
        if _is_over(self._compacted_at, COMPACT_EVERY, self._real_now()):
            self._compacted_at = self._real_now()
            await self._compact_organization(before, changes_through)
        return forgotten

    def on_applied(self, applied: AppliedEvent) -> None:
        """Note when a session is gone and nothing of it is left to be posted: sweeps look at those only."""
        if applied.after is None:
            return
        if is_settled(applied.after):
            self._settled.add(applied.after, self._real_now())
        else:  # a post of it is due
            self._settled.discard(applied.after.id)

    async def _look_at_loaded(self) -> None:
        """Note which sessions were settled when the server started; events tell of all others."""
        published = self._engine.published
        for count, session_id in enumerate(published.sessions.copy(), 1):
            session = published.sessions.get(session_id)
            if session is not None and is_settled(session):
                self._settled.add(session, self._real_now())
            if count % _LOADED == 0:
                await asyncio.sleep(0)

    def _due(self, before: datetime, known_by: float) -> list[str]:
        """Return sessions to remove now: they ended by that moment, or long ago in real time, or there are too many."""
        # An applet that gets the end of a session just now still looks it up: it stays for one more sweep.
        due = self._settled.due(
            ended_by=before,
            settled_by=self._real_now() - self._keep_ended.total_seconds(),
            most=self._most_ended,
            known_by=known_by,
            at_once=AT_ONCE,
        )
        due.pop(str(self._engine.published.last_session), None)
        self._warn_of(sum(due.values()))
        return list(due)

    def _warn_of(self, too_many: int) -> None:
        """Say, now and then, that sessions are forgotten because of their number: a report lacks them."""
        self._too_many += too_many
        if self._too_many and _is_over(self._warned_at, WARN_EVERY, self._real_now()):
            log.warning(
                "%d ended sessions are forgotten because there are more than %d: reports lack them (--most-ended)",
                self._too_many,
                self._most_ended,
            )
            self._too_many, self._warned_at = 0, self._real_now()

    async def _compact_organization(self, before: datetime, through: int) -> None:
        """Drop the changes of the organization up to that moment or revision that later changes replaced."""
        compaction, stored_by_revision = Compaction(), {}
        after, published = 0, self._engine.published.revision
        while len(compaction.dropped) < _COMPACTED_AT_ONCE:
            found = await self._engine.stored_events(after, through=published, limit=_READ)
            batch = [stored for stored in found if stored.at <= before or stored.revision <= through]
            for stored in batch:
                if stored.stream == ORGANIZATION:
                    stored_by_revision[stored.revision] = stored
                compaction.add(stored.revision, read_event(stored))
            if len(batch) < _READ:
                break
            after = batch[-1].revision
        if compaction.dropped:
            changed = [
                msgspec.structs.replace(stored_by_revision[revision], body=msgspec.json.encode(event))
                for revision, event in compaction.changed.items()
            ]
            await self._engine.in_store(partial(self._engine.store.rewrite, changed, compaction.dropped))

    async def _forget(self, sessions: list[str]) -> None:
        engine = self._engine
        compact = partial(engine.store.compact, sessions, through=engine.published.revision)
        await engine.in_store(compact)
        for session_id in sessions:  # nothing happens any more to a session that is gone
            self._settled.discard(session_id)
        engine.forget(sessions)

    async def _drop_answers(self, through: int) -> None:
        engine = self._engine
        going_on = []
        for count, session in enumerate(list(engine.published.sessions.unpacked()), 1):
            if not is_gone(session):
                going_on.append(f"session:{session.id}")
            if count % _READ == 0:
                await asyncio.sleep(0)
        drop = partial(engine.store.compact, [], through=0, answers_through=through, spared=going_on)
        await engine.in_store(drop)


class _RevisionAges:
    """Which revisions are older than an age, in real seconds. After a start of the server none is."""

    def __init__(self, age: float) -> None:
        self._age = age
        self._marks: deque[tuple[float, int]] = deque()  # real time, and the last revision then
        self._old = 0

    def old_at(self, now: float, revision: int) -> int:
        """Note the last revision; return the one up to which all are old."""
        if not self._marks or now - self._marks[-1][0] >= self._age / _MARKS:
            self._marks.append((now, revision))
        while self._marks and self._marks[0][0] <= now - self._age:
            self._old = self._marks.popleft()[1]
        return self._old


def _is_over(since: float | None, period: float, now: float) -> bool:
    return since is None or now - since >= period
