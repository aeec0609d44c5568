"""From an event of a session to the updates of the technicians' queues.

`updates` compares the session before and after an event, and returns one update for each queue that changes. It looks
up every change of a status in the table; a change that is not there is a defect and raises UnlistedChange.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict, Unpack

import msgspec
from msgspec.structs import replace

from rescue_server.core import events
from rescue_server.core.allowed import allowed_commands
from rescue_server.core.causes import Cause, cause_of
from rescue_server.core.organization import Organization
from rescue_server.core.session import Session
from rescue_server.core.session_entry import SessionEntry
from rescue_server.core.status import LEADS, WAITERS, Role, Status, status_of
from rescue_server.core.timers import DeadlineKind, deadlines
from rescue_server.core.transitions import row_of

_ALL_ROLES = frozenset(Role)
_TAKING_PART = _ALL_ROLES - WAITERS


class SessionParticipant(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A technician who takes part in a session or waits in it, as the other technicians see them."""

    technician: str
    status: Status
    lead: bool


class QueueEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of a technician's queue. If nothing happens before, the setting `due_by` ends it at `due_at`.

    A technician who waits does not see the others who wait, nor themselves, among the participants.
    """

    session: str
    status: Status
    customer: str
    channel: str
    pin: str
    created_at: datetime
    since: datetime
    joined_at: datetime | None
    participants: tuple[SessionParticipant, ...]
    comment: str
    introduced_by: str
    lead_offered_to: str
    processes: tuple[events.Process, ...]
    allowed: tuple[str, ...]
    due_at: datetime | None
    due_by: str


class QueueUpdate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one event changed in one technician's queue. `previous` is None for a new entry.

    `entry` is the queue entry after the event. It is None with an idle alarm, which does not change the entry.
    """

    session: str
    at: datetime
    cause: Cause
    entry: QueueEntry | None = None
    status_changed: bool = False
    previous: Status | None = None
    row: int = 0
    chat_from: str = ""
    chat_text: str = ""
    alarm_due: datetime | None = None
    lead_offered_by: str = ""


def entry_of(
    session: Session, technician: str, organization: Organization, participants: Participants | None = None
) -> QueueEntry:
    """Return the technician's queue entry as it is now. `participants` are the session's, if the caller has them."""
    participants = participants or Participants(session)
    entry = session.entries[technician]
    due = _next_due(session, technician, organization)
    return _line(session, technician, entry, participants.seen_by(entry.role), due)


class Participants:
    """Who takes part in a session, as its technicians see it. Made when it is asked for, and shared by all of them.

    Of a channel hundreds may wait for the same session. If each of them saw all others, an event would take bytes and
    time that grow with the square of their number.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._everybody: tuple[SessionParticipant, ...] | None = None
        self._taking_part: tuple[SessionParticipant, ...] | None = None

    def seen_by(self, role: Role) -> tuple[SessionParticipant, ...]:
        """Return what a technician with this role sees."""
        if role in WAITERS:
            if self._taking_part is None:
                self._taking_part = self._with(_TAKING_PART)
            return self._taking_part
        if self._everybody is None:
            self._everybody = self._with(_ALL_ROLES)
        return self._everybody

    def _with(self, roles: frozenset[Role]) -> tuple[SessionParticipant, ...]:
        return tuple(
            SessionParticipant(
                technician=name,
                status=status_of(entry.role, self._session.link),
                lead=entry.role in LEADS,
            )
            for name, entry in sorted(self._session.entries.items())
            if entry.role in roles
        )


def _line(
    session: Session,
    technician: str,
    entry: SessionEntry,
    participants: tuple[SessionParticipant, ...],
    due: tuple[datetime | None, str] = (None, ""),
) -> QueueEntry:
    due_at, due_by = due
    return QueueEntry(
        session=session.id,
        status=status_of(entry.role, session.link),
        customer=session.customer,
        channel=session.channel,
        pin=session.pin if not session.is_redeemed and session.ended_at is None else "",
        created_at=session.created_at,
        since=entry.since,
        joined_at=session.joined_at,
        participants=participants,
        comment=session.comment,
        introduced_by=entry.introduced_by,
        lead_offered_to=session.lead_offered_to,
        processes=tuple(sorted(entry.processes)),
        allowed=allowed_commands(session, technician),
        due_at=due_at,
        due_by=due_by,
    )


def _next_due(session: Session, technician: str, organization: Organization) -> tuple[datetime | None, str]:
    concerning = (
        deadline
        for deadline in deadlines(session, organization)
        if deadline.technician in ("", technician)
        and deadline.kind not in (DeadlineKind.IDLE_ALARM, DeadlineKind.OFFLINE)
        and (deadline.kind is not DeadlineKind.WAITING or session.status_for(technician) is not None)
    )
    first = next(concerning, None)
    return (first.due, first.setting) if first else (None, "")


class _UpdateFacts(TypedDict, total=False):
    entry: QueueEntry
    status_changed: bool
    previous: Status | None
    row: int
    chat_from: str
    chat_text: str
    alarm_due: datetime
    lead_offered_by: str


class Transition(msgspec.Struct, frozen=True, gc=False):
    """One event, and the session before and after it: what the updates of all technicians share.

    A channel may have hundreds of technicians, and each ring keeps its updates: they share the participants, and those
    for whom the event makes no difference share the update.
    """

    before: Session | None
    event: events.AnySessionEvent
    after: Session
    organization: Organization
    cause: Cause
    participants: Participants

    def update(self, **facts: Unpack[_UpdateFacts]) -> QueueUpdate:
        """Make one technician's update; `facts` are what the technicians do not share."""
        return QueueUpdate(session=self.after.id, at=self.event.at, cause=self.cause, **facts)

    def line(self, technician: str) -> QueueEntry:
        """Return the technician's queue entry after the event."""
        return entry_of(self.after, technician, self.organization, self.participants)


def updates(
    before: Session | None, event: events.AnySessionEvent, after: Session, organization: Organization
) -> dict[str, QueueUpdate]:
    """Return the update of each queue that changes, by technician. Raises UnlistedChange: a defect."""
    transition = Transition(before, event, after, organization, cause_of(before, event), Participants(after))
    old_entries = before.entries if before else {}
    found: dict[str, QueueUpdate] = {}
    of_waiters: dict[tuple[SessionEntry | None, SessionEntry | None], QueueUpdate | None] = {}
    of_shared: dict[tuple[int, int], QueueUpdate | None] = {}  # by the identity of the entries, which is found faster
    for name in _concerned(old_entries, event, after):
        old, new = old_entries.get(name), after.entries.get(name)
        if _waits(old) and _waits(new):
            shared = id(old), id(new)
            if shared not in of_shared:
                if (old, new) not in of_waiters:
                    of_waiters[old, new] = _update(transition, name)
                of_shared[shared] = of_waiters[old, new]
            update = of_shared[shared]
        else:
            update = _update(transition, name)
        if update is not None:
            found[name] = update
    return found


def _concerned(before: Mapping[str, SessionEntry], event: events.AnySessionEvent, after: Session) -> Sequence[str]:
    """Return the technicians whose queue may show something else after the event, by name."""
    if isinstance(event, events.FocusChanged):  # it is seen in what falls due for the technician, and nowhere else
        return (event.technician,)
    names = after.entries.keys()
    return sorted(names if before.keys() == names else names | before.keys())


def _waits(entry: SessionEntry | None) -> bool:
    """Whether the technician is one of those who wait, or not there: then no name makes a difference."""
    return entry is None or entry.role in WAITERS


def _update(transition: Transition, technician: str) -> QueueUpdate | None:
    before, event, after = transition.before, transition.event, transition.after
    if before is None:
        return transition.update(entry=transition.line(technician), status_changed=True)
    if technician not in after.entries:
        return _removal(transition, technician, before)
    line, previous = transition.line(technician), before.status_for(technician)
    if line.status is not previous:
        row = row_of(previous, line.status) if previous else 0
        return transition.update(entry=line, status_changed=True, previous=previous, row=row)
    match event:
        case events.ChatSent():
            return transition.update(entry=line, chat_from=event.technician, chat_text=event.text)
        case events.IdleAlarmRaised():
            return transition.update(alarm_due=event.due) if event.technician == technician else None
        case events.LeadOffered(to=to) if to == technician:
            return transition.update(entry=line, lead_offered_by=event.technician)
    return transition.update(entry=line) if line != entry_of(before, technician, transition.organization) else None


def _removal(transition: Transition, technician: str, before: Session) -> QueueUpdate:
    entry, gone = before.entries[technician], gone_by(transition.event, technician)
    previous = status_of(entry.role, before.link)
    participants = transition.participants.seen_by(entry.role)
    line = replace(_line(transition.after, technician, entry, participants), status=gone)
    return transition.update(entry=line, status_changed=True, previous=previous, row=row_of(previous, gone))


def status_after(after: Session, event: events.AnySessionEvent, technician: str) -> Status:
    """Return what the technician's queue shows after an event: the entry's status, or as what it left the queue."""
    return after.status_for(technician) or gone_by(event, technician)


def gone_by(event: events.AnySessionEvent, technician: str) -> Status:
    """Return as what an entry leaves the queue that the event takes out."""
    timed_out = isinstance(event, events.IdleTimedOut) and event.technician == technician
    return Status.REMOVED_TIMED_OUT if timed_out else Status.REMOVED
