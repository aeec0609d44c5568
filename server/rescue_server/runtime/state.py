"""The state in memory: every session and the organization, as events have made them.

There are two: the engine decides on one that runs ahead of the store, consoles see one that never does. If storing
fails, the first is set back to the second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from rescue_server.core import events
from rescue_server.core.organization import AnyOrganizationEvent, Organization, OrganizationEvent
from rescue_server.core.organization_changes import apply_change
from rescue_server.core.queue import QueueUpdate, updates
from rescue_server.core.session import Session, apply, is_gone, is_over
from rescue_server.runtime.packed_mapping import PackedMapping
from rescue_server.store.protocol import StoredEvent

AnyEvent = events.AnySessionEvent | AnyOrganizationEvent
ORGANIZATION = "organization"
_FIRST_SESSION = 1001
_decoder = msgspec.json.Decoder(AnyEvent)
_encoder = msgspec.json.Encoder()


class AppliedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One stored event and what it changed. Of an organization's event `before` and `after` are None."""

    revision: int
    event: AnyEvent
    before: Session | None = None
    after: Session | None = None
    organization: Organization

    def stored(self) -> StoredEvent:
        """The line of the journal."""
        return StoredEvent(
            revision=self.revision, at=self.event.at, stream=stream_of(self.event), body=_encoder.encode(self.event)
        )


def stream_of(event: AnyEvent) -> str:
    """Return whose event it is: a session's id, or ORGANIZATION."""
    return ORGANIZATION if isinstance(event, OrganizationEvent) else event.session


def read_event(stored: StoredEvent) -> AnyEvent:
    """Return the event of a line of the journal. Raises msgspec.ValidationError if it is none of ours."""
    event: AnyEvent = _decoder.decode(stored.body)
    return event


def updates_of(applied: AppliedEvent) -> dict[str, QueueUpdate]:
    """Return what each technician's queue shows after the event, by technician."""
    if applied.after is None or isinstance(applied.event, OrganizationEvent):
        return {}
    return updates(applied.before, applied.event, applied.after, applied.organization)


class Sessions(PackedMapping[Session]):
    """Sessions by id. Those that are over stay packed: whoever looks for what goes on need not look at them."""

    decoder = msgspec.msgpack.Decoder(Session)

    @staticmethod
    def stays_packed(value: Session) -> bool:
        """Whether it is over."""
        return is_over(value)


class Pins(PackedMapping[str]):
    """The last session of each PIN."""

    decoder = msgspec.msgpack.Decoder(str)


@dataclass(slots=True)
class EngineState:
    """Sessions by id, ended ones included until they are compacted."""

    sessions: Sessions = field(default_factory=Sessions)
    organization: Organization = field(default_factory=Organization)
    pins: Pins = field(default_factory=Pins)
    open_by: Counter[str] = field(default_factory=Counter)  # sessions that have not ended, by who opened them
    revision: int = 0
    at: datetime | None = None  # of the last event
    last_session: int = _FIRST_SESSION - 1
    _queues: dict[str, set[str]] = field(default_factory=dict, repr=False, compare=False)  # sessions by technician
    _going_on: dict[str, dict[str, None]] = field(default_factory=dict, repr=False, compare=False)  # those, by owner

    def apply(self, event: AnyEvent, revision: int | None = None) -> AppliedEvent:
        """Make the event part of the state."""
        self.revision = self.revision + 1 if revision is None else revision
        self.at = event.at
        if isinstance(event, OrganizationEvent):
            self.organization = apply_change(self.organization, event)
            return AppliedEvent(revision=self.revision, event=event, organization=self.organization)
        before = self.sessions.get(event.session)
        after = apply(before, event)
        self.put(after)
        return AppliedEvent(
            revision=self.revision, event=event, before=before, after=after, organization=self.organization
        )

    def put(self, session: Session) -> None:
        """Take a session as it is."""
        old = self.sessions.get(session.id)
        self.sessions[session.id] = session
        self._index(session.id, old.entries.keys() if old else (), session.entries.keys())
        if old is None or old.ended_at is not session.ended_at:
            self._count(old, -1)
            self._count(session, 1)
        self._follow_owner(session.id, _owner_of(old), _owner_of(session))
        if old is None:
            if session.pin:  # which a newer session may have after it, when hardly any is free
                self.pins[session.pin] = session.id
            self.last_session = max(self.last_session, int(session.id))

    def forget(self, session_id: str) -> None:
        """Take a session out as if it had never been."""
        session = self.sessions.pop(session_id, None)
        self._count(session, -1)
        self._index(session_id, session.entries.keys() if session else (), ())
        self._follow_owner(session_id, _owner_of(session), "")
        if session is not None and self.pins.get(session.pin) == session_id:
            del self.pins[session.pin]

    def undo(self, applied_events: Sequence[AppliedEvent], revision: int) -> None:
        """Undo the last events, which nobody has seen; `revision` is that before them."""
        for applied in reversed(applied_events):
            if applied.before is not None:
                self.put(applied.before)
            elif applied.after is not None:
                self.forget(applied.after.id)
        self.revision = revision

    def assign(self, other: EngineState) -> None:
        """Become a copy of another state."""
        self.sessions, self.pins, self.open_by = other.sessions.copy(), other.pins.copy(), other.open_by.copy()
        self._queues = {technician: set(sessions) for technician, sessions in other._queues.items()}
        self._going_on = {owner: dict(sessions) for owner, sessions in other._going_on.items()}
        self.organization = other.organization
        self.revision, self.at, self.last_session = other.revision, other.at, other.last_session

    def _count(self, session: Session | None, by: int) -> None:
        if session is not None and session.ended_at is None:
            self.open_by[f"channel:{session.channel}" if session.channel else f"technician:{session.creator}"] += by

    def _index(self, session: str, before: Collection[str], after: Collection[str]) -> None:
        if before == after:
            return
        for technician in before:
            if technician not in after:
                self._queues[technician].discard(session)
                if not self._queues[technician]:
                    del self._queues[technician]
        for technician in after:
            self._queues.setdefault(technician, set()).add(session)

    def _follow_owner(self, session: str, before: str, after: str) -> None:
        if before == after:
            return
        if before:
            self._going_on[before].pop(session)
            if not self._going_on[before]:
                del self._going_on[before]
        if after:
            self._going_on.setdefault(after, {})[session] = None

    def sessions_of(self, owner: str) -> Collection[str]:
        """The sessions that follow the settings of "group:NAME" or "channel:NAME" and are not gone."""
        return self._going_on.get(owner, {}).keys()

    def next_session_id(self) -> str:
        """A number that no session had."""
        return str(self.last_session + 1)

    def queued_of(self, technician: str) -> Collection[str]:
        """The sessions in which a technician has an entry, in any order."""
        return self._queues.get(technician, ())

    def queue_of(self, technician: str) -> list[Session]:
        """The sessions in which a technician has an entry, by number."""
        return [self.sessions[session] for session in sorted(self._queues.get(technician, ()), key=int)]


def _owner_of(session: Session | None) -> str:
    return "" if session is None or is_gone(session) else session.owner


@dataclass(frozen=True, slots=True)
class EngineStates:
    """The state that commands are decided on, and the state that consoles see."""

    ahead: EngineState = field(default_factory=EngineState)
    published: EngineState = field(default_factory=EngineState)
