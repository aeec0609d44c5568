"""What each event of the journal changed in which queues, and why. Each session is read from its beginning.

The sessions are rebuilt as the engine does it, with the same `apply`, the same table and the same causes. So an old
journal is explained as the present core understands it.
"""

from __future__ import annotations

from dataclasses import dataclass

from rescue_server.core import events
from rescue_server.core.causes import Cause, cause_of, cause_of_change
from rescue_server.core.organization import AnyOrganizationEvent, OrganizationEvent
from rescue_server.core.queue import status_after
from rescue_server.core.session import Session, apply, is_settled
from rescue_server.core.status import Status
from rescue_server.core.transitions import row_of


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryChange:
    """What one technician's queue showed before and after. For a new entry, `previous` is None and `row` is 0."""

    technician: str
    previous: Status | None
    status: Status
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedEvent:
    """One event, its cause and the changes that it made.

    `present` are the technicians with an entry before or after the event; `known` are all who had an entry up to then.
    Both are empty for an event of the organization.
    """

    cause: Cause
    changes: tuple[EntryChange, ...] = ()
    present: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()


class EventHistory:
    """Explains the events in order. Of each session it must get the first event first."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._known: dict[str, frozenset[str]] = {}
        self._settled = ""

    def lacks(self, event: events.AnySessionEvent | AnyOrganizationEvent) -> bool:
        """Return whether earlier events of this one's session are needed before it."""
        if isinstance(event, OrganizationEvent | events.SessionCreated):
            return False
        return event.session not in self._sessions

    def session(self, name: str) -> Session | None:
        """Return a session as it is after the last event; None if it is unknown, or ended and in no queue."""
        return self._sessions.get(name)

    def explain(self, event: events.AnySessionEvent | AnyOrganizationEvent) -> ExplainedEvent | None:
        """Apply the event and return what it did; None if its session was created before the first event.

        Raises UnlistedChange if the event leads to a change that the table does not have.
        """
        if isinstance(event, OrganizationEvent):
            return ExplainedEvent(cause=cause_of_change(event))
        before = self._sessions.get(event.session)
        after = self.take_in(event)
        if after is None:
            return None
        known = self._known[event.session]
        if self._settled not in ("", event.session):
            del self._sessions[self._settled], self._known[self._settled]
        # It is forgotten at another session's event: the end of a session and a post of it come one after the other.
        self._settled = event.session if is_settled(after) else ""
        present = _present(before, after)
        changes = tuple(
            change for name in sorted(present) if (change := _change(before, event, after, name)) is not None
        )
        return ExplainedEvent(cause=cause_of(before, event), changes=changes, present=present, known=known)

    def take_in(self, event: events.AnySessionEvent) -> Session | None:
        """Apply an event of before those to explain, and remember its session; return that after the event.

        Returns None if the session was created before the first event.
        """
        before = self._sessions.get(event.session)
        if before is None and not isinstance(event, events.SessionCreated):
            return None
        after = self._sessions[event.session] = apply(before, event)
        self._known[event.session] = self._known.get(event.session, frozenset()) | _present(before, after)
        return after


def _present(before: Session | None, after: Session) -> frozenset[str]:
    return frozenset(after.entries) | frozenset(before.entries if before else ())


def _change(
    before: Session | None, event: events.AnySessionEvent, after: Session, technician: str
) -> EntryChange | None:
    previous = before.status_for(technician) if before else None
    status = status_after(after, event, technician)
    if status is previous:
        return None
    row = row_of(previous, status) if previous else 0
    return EntryChange(technician=technician, previous=previous, status=status, row=row)
