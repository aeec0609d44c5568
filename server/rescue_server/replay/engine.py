"""Playing a recorded journal back: a server whose only events are those of the journal, at the clock's pace.

Consoles watch it as they watch any server and are told what consoles were told then; commands are refused. Time moves
as the clock does, so `rescue clock` speeds it up, holds it and moves it forward.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import takewhile

from rescue_protos.errors import ReplayOnly
from rescue_server.clock import ServerClock
from rescue_server.core.events import SessionCreated
from rescue_server.core.organization import Organization, OrganizationEvent, SecretChanged, apply_change
from rescue_server.core.queue import QueueUpdate
from rescue_server.core.session import Session
from rescue_server.core.timers import DeadlineKind, SessionDeadline
from rescue_server.replay.check import check
from rescue_server.replay.journal_file import BadJournal, RecordedLine
from rescue_server.runtime.credentials import hash_secret, new_secret
from rescue_server.runtime.engine import Answer, Engine, Handler, Outcome, Request
from rescue_server.runtime.schedule.leases import Lease
from rescue_server.runtime.state import AnyEvent, AppliedEvent
from rescue_server.store.protocol import Store

BEFORE = timedelta(seconds=1)  # emulated, from the start to the first event of a session


class Recording:
    """A whole journal, fit to be played. Raises BadJournal."""

    def __init__(self, lines: Iterable[RecordedLine]) -> None:
        self.lines = tuple(lines)
        self.opening = tuple(takewhile(lambda line: isinstance(line.body, OrganizationEvent), self.lines))
        self.rest = self.lines[len(self.opening) :]
        verdict = check(self.lines)
        if verdict.difference:
            raise BadJournal(f"today's core cannot play it as it was: {verdict.difference}")
        if verdict.skipped or not self.rest or not _is_whole(self.lines):
            raise BadJournal("only a whole journal can be played: `rescue events --json`, as an administrator")

    @property
    def users(self) -> frozenset[str]:
        """All who could ever sign in."""
        return frozenset(line.body.user for line in self.lines if isinstance(line.body, SecretChanged))

    @property
    def start(self) -> datetime:
        """The emulated time to begin at: shortly before a session begins."""
        return self.rest[0].at - BEFORE

    @property
    def length(self) -> timedelta:
        """How much emulated time it takes."""
        return max(line.at for line in self.rest) - self.rest[0].at


class PlayedEngine(Engine):
    """An engine in which nothing happens but what was recorded. `on_end` is called after the last event."""

    def __init__(self, recording: Recording, store: Store, clock: ServerClock) -> None:
        super().__init__(store, clock)
        self.on_end: Callable[[], None] = lambda: None
        self._recording = recording
        self._hashes: dict[str, str] = {}
        self._played = 0
        self._begun = False
        clock.hold()  # until everything is set up

    async def begin(self) -> dict[str, str]:
        """Set up the organization. Secrets are not recorded: everybody gets a new one, which stays the same.

        Returns these secrets by user.
        """
        secrets = {user: new_secret() for user in sorted(self._recording.users)}
        for user, secret in secrets.items():
            self._hashes[user] = await asyncio.to_thread(hash_secret, secret)
        opening = [self._with_new_secret(line.body) for line in self._recording.opening]
        await super().perform(lambda state, context: Outcome(events=opening))
        self._begun = True
        self.clock.release()
        return secrets

    async def perform(self, handler: Handler, request: Request | None = None) -> Answer:
        """Refuse what somebody asks for. What comes by itself, such as the focus of who watches, changes nothing."""
        if request is not None:
            raise ReplayOnly("this is a replay: it can be watched, not changed")
        return Answer()

    def catch_up(self) -> datetime:
        """Let happen what happened up to now."""
        now = self.clock.now()
        while (line := self._next()) is not None and line.at <= now:
            self._played += 1
            self._stage_events([self._with_new_secret(line.body)], Answer(), None)
        return now

    def next_deadline(self) -> SessionDeadline | None:
        """The next event of the journal."""
        line = self._next()
        return (
            None if line is None else SessionDeadline(line.at, DeadlineKind.CONNECTING, "", line.stream, timedelta(0))
        )

    def _next(self) -> RecordedLine | None:
        rest = self._recording.rest
        return rest[self._played] if self._begun and self._played < len(rest) else None

    def _publish(self, step: AppliedEvent, change: dict[str, QueueUpdate]) -> None:
        super()._publish(step, change)
        if step.revision == len(self._recording.lines):
            self.on_end()

    def _note(self, session: Session) -> Lease | None:
        """Nothing falls due by itself, and no applet is believed in."""
        self.changed.set()
        return None

    def _with_new_secret(self, event: AnyEvent) -> AnyEvent:
        if not isinstance(event, SecretChanged):
            return event
        return SecretChanged(at=event.at, by=event.by, user=event.user, secret_hash=self._hashes[event.user])


def _is_whole(lines: Iterable[RecordedLine]) -> bool:
    """Whether everybody who takes part, and whose settings hold, is known from the journal itself."""
    organization = Organization()
    for line in lines:
        event = line.body
        if isinstance(event, OrganizationEvent):
            organization = apply_change(organization, event)
        elif isinstance(event, SessionCreated) and (
            event.owner not in organization.settings or not set(event.entries) <= organization.technicians.keys()
        ):
            return False
    return True
