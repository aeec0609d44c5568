"""What a post tells of its session: the facts of the events up to the one that made the post due.

They are the same at each attempt, also after a restart, because they are made from the journal each time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rescue_server.core import events
from rescue_server.core.posting import PostKind
from rescue_server.core.session import Session, apply
from rescue_server.core.session_entry import is_held
from rescue_server.core.session_log import SessionTranscript
from rescue_server.core.status import Role


class NoSuchPost(LookupError):
    """The events do not have this post: the server has forgotten them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostFacts:
    """`technician` is the lead whom the post names. What is not known yet at the start of a session is None."""

    session: Session
    kind: PostKind
    technician: str
    chat: str
    notes: str
    waited: timedelta | None
    picked_up_at: datetime | None
    last_action_at: datetime | None
    worked: timedelta


def read_facts(stored: Iterable[tuple[int, events.AnySessionEvent]], delivery: str) -> PostFacts:
    """Return the facts of a post, from its session's events with their revisions. Raises NoSuchPost."""
    reading = _Reading()
    for revision, event in stored:
        if isinstance(event, events.PostDue):
            if event.delivery == delivery and reading.session is not None:
                return reading.facts(reading.session, event)
            reading.posted_through = revision
        reading.add(revision, event)
    raise NoSuchPost(delivery)


@dataclass(slots=True)
class _Reading:
    session: Session | None = None
    posted_through: int = 0
    log: SessionTranscript = field(default_factory=SessionTranscript)
    at: datetime | None = None
    active_at: datetime | None = None
    picked_up_at: datetime | None = None
    last_action_at: datetime | None = None
    worked: timedelta = timedelta(0)

    def add(self, revision: int, event: events.AnySessionEvent) -> None:
        before, after = self.session, apply(self.session, event)
        if before is not None and self.at is not None and _works(before):
            self.worked += event.at - self.at
        if before is not None and _becomes_lead(before, event, after):
            self.picked_up_at = event.at
            self.active_at = self.active_at or event.at
        if isinstance(event, events.Activity | events.SessionEnded) and event.technician:
            self.last_action_at = event.at
        self.session, self.at = after, event.at
        self.log.add(revision, event)

    def facts(self, session: Session, due: events.PostDue) -> PostFacts:
        joined, active = session.joined_at, self.active_at
        return PostFacts(
            session=session,
            kind=due.kind,
            technician=due.technician,
            chat=self.log.chat(after=self.posted_through),
            notes=self.log.notes() if due.kind is PostKind.END else "",
            waited=active - joined if active is not None and joined is not None else None,
            picked_up_at=self.picked_up_at,
            last_action_at=self.last_action_at,
            worked=self.worked,
        )


def _works(session: Session) -> bool:
    """Whether the lead is Active and works: a console of theirs is in focus, or they have a process open."""
    leads = [entry for entry in session.entries.values() if entry.role is Role.LEAD]
    return any(is_held(entry, session.link) for entry in leads)


def _becomes_lead(before: Session, event: events.AnySessionEvent, after: Session) -> bool:
    """Whether somebody picks the session up, or gets the lead from another technician."""
    if isinstance(event, events.SessionStarted):
        return before.entries[event.technician].role in (Role.WAITING, Role.INCOMING)
    return before.last_lead != after.last_lead
