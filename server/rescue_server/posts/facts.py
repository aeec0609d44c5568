"""What a post tells of its session: the facts of the events up to the one that made the post due.

They are the same at each attempt, also after a restart, because they are made from the journal each time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rescue_server.core import events
from rescue_server.core.posting import PostKind
from rescue_server.core.session import Session, apply
from rescue_server.core.session_log import SessionTranscript
from rescue_server.core.session_record import SessionRecord, follow


class NoSuchPost(LookupError):
    """The events do not have this post: the server has forgotten them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostFacts:
    """`technician` is the lead whom the post names, as they were called then, with their `node`."""

    session: Session
    record: SessionRecord
    kind: PostKind
    technician: str
    node: int
    chat: str
    notes: str


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
    record: SessionRecord = field(default_factory=SessionRecord)
    log: SessionTranscript = field(default_factory=SessionTranscript)

    def add(self, revision: int, event: events.AnySessionEvent) -> None:
        before, after = self.session, apply(self.session, event)
        self.record = follow(self.record, before, event, after)
        self.session = after
        self.log.add(revision, event)

    def facts(self, session: Session, due: events.PostDue) -> PostFacts:
        return PostFacts(
            session=session,
            record=self.record,
            kind=due.kind,
            technician=due.technician,
            node=due.node,
            chat=self.log.chat(after=self.posted_through),
            notes=self.log.notes() if due.kind is PostKind.END else "",
        )
