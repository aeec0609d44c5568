"""The schedule of a replay: nothing happens but the events of a recorded journal, at the clock's pace.

Consoles watch the replay as they watch any server and receive the updates of that time; requests are refused. Time
moves as the clock does, so `rescue clock` speeds it up, holds it and moves it forward.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from rescue_protos.errors import ReplayOnly
from rescue_server.clock import ServerClock
from rescue_server.core.events import SessionCreated
from rescue_server.core.organization import Organization, OrganizationEvent, SecretChanged
from rescue_server.core.organization_changes import apply_change
from rescue_server.core.session import Session
from rescue_server.core.timers import DeadlineKind, SessionDeadline
from rescue_server.replay.check import check
from rescue_server.replay.journal_file import BadJournal, RecordedLine
from rescue_server.runtime.credentials import hash_secret, new_secret
from rescue_server.runtime.engine import Engine, Outcome, Request
from rescue_server.runtime.schedule.leases import Leases
from rescue_server.runtime.state import AnyEvent, AppliedEvent

BEFORE = timedelta(seconds=1)  # emulated, from the start to the first event of a session


class Recording:
    """A whole journal, fit to be replayed. Raises BadJournal."""

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
        """Everybody who could ever sign in."""
        return frozenset(line.body.user for line in self.lines if isinstance(line.body, SecretChanged))

    @property
    def start(self) -> datetime:
        """The emulated time to begin at: shortly before a session begins."""
        return self.rest[0].at - BEFORE

    @property
    def length(self) -> timedelta:
        """How much emulated time it takes."""
        return max(line.at for line in self.rest) - self.rest[0].at


class ReplaySchedule:
    """The events of a recording, in order. Implements Schedule. `on_end` is called after the last event.

    No applet is connected, so there are no leases.
    """

    def __init__(self, recording: Recording, clock: ServerClock, on_end: Callable[[], None]) -> None:
        self.leases = Leases(lambda session: timedelta(0))
        self.changed = asyncio.Event()
        self._recording = recording
        self._clock = clock
        self._on_end = on_end
        self._hashes: dict[str, str] = {}
        self._played = 0
        self._begun = False
        clock.hold()  # until `begin` has set everything up

    async def begin(self, engine: Engine) -> dict[str, str]:
        """Set up the organization and start. Secrets are not recorded: every user gets a new one for the whole replay.

        Returns these secrets by user.
        """
        secrets = {user: new_secret() for user in sorted(self._recording.users)}
        self._hashes = {user: hash_secret(secret) for user, secret in secrets.items()}
        opening = [self._with_new_secret(line.body) for line in self._recording.opening]
        await engine.perform(lambda state, context: Outcome(events=opening))
        self._begun = True
        self._clock.release()
        return secrets

    def accepts(self, request: Request | None) -> bool:
        """Refuse requests with ReplayOnly. What the server does by itself, such as a change of focus, has no effect."""
        if request is not None:
            raise ReplayOnly("this is a replay: it can be watched, not changed")
        return not self._begun

    def prepare(self) -> None:
        """See `Schedule.prepare`. A recording is followed by nobody."""

    def start(self) -> None:
        """Do nothing: a replay begins with an empty store."""

    def next_deadline(self) -> SessionDeadline | None:
        """Return the time of the journal's next event. A replay has no deadlines of other kinds."""
        line = self._next()
        if line is None:
            return None
        return SessionDeadline(line.at, DeadlineKind.CONNECTING, "", line.stream, timedelta(0))

    def take_due(self, now: datetime) -> Sequence[AnyEvent] | None:
        """Return the next event if it happened by now."""
        line = self._next()
        if line is None or line.at > now:
            return None
        self._played += 1
        return [self._with_new_secret(line.body)]

    def record(self, applied: AppliedEvent) -> None:
        """The next event is another one now."""
        self.changed.set()

    def confirm(self, applied: AppliedEvent) -> None:
        """Report the end after the last event."""
        if applied.revision == len(self._recording.lines):
            self._on_end()

    def set_back(self, session_id: str, published: Session | None) -> None:
        """Nothing was computed of a session, so nothing is undone."""
        self.changed.set()

    def expect(self, moment: datetime | None) -> None:
        """Do nothing: what comes next is known from the beginning."""

    def organization_changed(self) -> None:
        """The journal's events do not depend on the settings."""
        self.changed.set()

    @property
    def is_out_of_date(self) -> bool:
        """The journal's events never are."""
        return False

    def refresh(self, at_most: int) -> bool:
        """Do nothing: there is nothing to compute."""
        return False

    def on_expired_lease(self, listener: Callable[[str], None]) -> None:
        """There are no leases that could expire."""

    def _next(self) -> RecordedLine | None:
        rest = self._recording.rest
        return rest[self._played] if self._begun and self._played < len(rest) else None

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
