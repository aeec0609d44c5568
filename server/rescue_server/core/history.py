"""What each event of the journal changed in whose queue, and why: the journal read from its beginning.

Sessions are rebuilt on the way, as the engine does it, with the same `apply`, the same table and the same causes; so
what is told here of an old journal is what today's core makes of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rescue_server.core import events
from rescue_server.core.organization import (
    AdministratorAdded,
    AnyOrganizationEvent,
    ChannelAdded,
    GroupAdded,
    OrganizationEvent,
    SecretChanged,
    SettingsChanged,
    TechnicianAdded,
    TechnicianDeleted,
    TechnicianMoved,
)
from rescue_server.core.queue import Cause, cause_of, gone_by
from rescue_server.core.session import Session, apply, is_gone
from rescue_server.core.status import Status
from rescue_server.core.transitions import row_of


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryChange:
    """What one technician's queue showed before and after. `previous` is None and `row` 0 for a new entry."""

    technician: str
    previous: Status | None
    status: Status
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedEvent:
    """What there is to say of one event.

    `present` are the technicians with an entry before or after it, `known` all who ever had one up to then; both are
    empty for the organization's events.
    """

    cause: Cause
    changes: tuple[EntryChange, ...] = ()
    present: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()


class History:
    """Hears the events in order. Begins at the journal's beginning, or with `sessions` as they were at some point."""

    def __init__(self, sessions: Mapping[str, Session] | None = None) -> None:
        self._sessions = dict(sessions or {})
        self._known = {name: frozenset(session.entries) for name, session in self._sessions.items()}

    def session(self, name: str) -> Session | None:
        """Return a session as it is after all that was heard; None if it is unknown, or over and in no queue."""
        return self._sessions.get(name)

    def explain(self, event: events.AnySessionEvent | AnyOrganizationEvent) -> ExplainedEvent | None:
        """Take the event in and say what it did; None if it belongs to a session whose beginning was not heard.

        Raises UnlistedChange if the core would show a change that the table does not have.
        """
        if isinstance(event, OrganizationEvent):
            return ExplainedEvent(cause=cause_of_change(event))
        before = self._sessions.get(event.session)
        if before is None and not isinstance(event, events.SessionCreated):
            return None
        after = apply(before, event)
        present = frozenset(after.entries) | frozenset(before.entries if before else ())
        known = self._known.get(event.session, frozenset()) | present
        if is_gone(after):
            self._sessions.pop(event.session, None)
            self._known.pop(event.session, None)
        else:
            self._sessions[event.session], self._known[event.session] = after, known
        changes = tuple(
            change for name in sorted(present) if (change := _change(before, event, after, name)) is not None
        )
        return ExplainedEvent(cause=cause_of(before, event, after), changes=changes, present=present, known=known)


def _change(
    before: Session | None, event: events.AnySessionEvent, after: Session, technician: str
) -> EntryChange | None:
    previous = before.status_for(technician) if before else None
    status = after.status_for(technician) or gone_by(event, technician)
    if status is previous:
        return None
    row = row_of(previous, status) if previous else 0
    return EntryChange(technician=technician, previous=previous, status=status, row=row)


def cause_of_change(event: AnyOrganizationEvent) -> Cause:
    """Say what was done to the organization, and by whom."""
    match event:
        case GroupAdded(name=name):
            what = f"added the technician group {name}"
        case TechnicianAdded(name=name, group=group):
            what = f"added the technician {name} to {group}"
        case ChannelAdded(name=name, groups=groups):
            what = f"added the channel {name}, served by {', '.join(groups)}"
        case AdministratorAdded(name=name):
            what = f"added the administrator {name}"
        case TechnicianMoved(name=name, group=group):
            what = f"moved {name} to {group}"
        case TechnicianDeleted(name=name):
            what = f"removed the technician {name}"
        case SecretChanged(user=user):
            what = f"made a new secret for {user}"
        case SettingsChanged(owner=owner, periods=periods, terms=terms):
            names = [name.replace("_", "-") for name in periods] + (["terms"] if terms is not None else [])
            what = f"changed {', '.join(names)} of {owner}"
    by = event.by or "the first start"
    return Cause(text=f"{by} {what}", event=type(event).__name__, technician=event.by)
