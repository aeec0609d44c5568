"""From an event of a session to the updates of the technicians' queues.

`updates` compares the session before and after an event, and returns one update for each queue that changes. It looks
up every change of a status in the table; a change that is not there is a defect and raises UnlistedChange.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypedDict, Unpack

from rescue_server.core import events
from rescue_server.core.allowed import allowed_commands
from rescue_server.core.organization import Organization
from rescue_server.core.session import Session, SessionEntry
from rescue_server.core.status import LEADS, Link, Status, status_of
from rescue_server.core.timers import DeadlineKind, deadlines
from rescue_server.core.transitions import row_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionParticipant:
    """A technician who takes part in a session, as the other technicians see them."""

    technician: str
    status: Status
    lead: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """One line of a technician's queue. If nothing happens before, the setting `due_by` ends it at `due_at`."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why something changed: a sentence, and its facts. `about`: whom or what it was done to, as in the contract."""

    text: str
    event: str
    technician: str = ""
    about: str = ""
    setting: str = ""
    value: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueUpdate:
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
    session: Session,
    technician: str,
    organization: Organization,
    participants: tuple[SessionParticipant, ...] | None = None,
) -> QueueEntry:
    """Return the technician's queue entry as it is now. `participants` are the session's, if the caller has them."""
    if participants is None:
        participants = participants_of(session)
    due = _next_due(session, technician, organization)
    return _line(session, technician, session.entries[technician], participants, due)


def participants_of(session: Session) -> tuple[SessionParticipant, ...]:
    """Return who takes part in a session. It is the same for every queue."""
    return tuple(
        SessionParticipant(
            technician=name,
            status=status_of(entry.role, session.link),
            lead=entry.role in LEADS,
        )
        for name, entry in sorted(session.entries.items())
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


@dataclass(frozen=True, slots=True)
class Transition:
    """One event, and the session before and after it: what the updates of all technicians share.

    A channel may have hundreds of technicians, and each ring keeps its updates: they share one tuple of participants.
    """

    before: Session | None
    event: events.AnySessionEvent
    after: Session
    organization: Organization
    cause: Cause
    participants: tuple[SessionParticipant, ...]

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
    transition = Transition(before, event, after, organization, cause_of(before, event, after), participants_of(after))
    old_entries = before.entries if before else {}
    found = ((name, _update(transition, name)) for name in sorted({*old_entries, *after.entries}))
    return {name: update for name, update in found if update is not None}


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
    line = replace(_line(transition.after, technician, entry, transition.participants), status=gone)
    return transition.update(entry=line, status_changed=True, previous=previous, row=row_of(previous, gone))


def gone_by(event: events.AnySessionEvent, technician: str) -> Status:
    """Return as what an entry leaves the queue that the event takes out."""
    timed_out = isinstance(event, events.IdleTimedOut) and event.technician == technician
    return Status.REMOVED_TIMED_OUT if timed_out else Status.REMOVED


def cause_of(before: Session | None, event: events.AnySessionEvent, after: Session) -> Cause:
    """Say why, for the people who watch."""
    by = getattr(event, "technician", "")
    about, setting, value = "", "", getattr(event, "period", None)
    match event:
        case events.SessionCreated(channel=channel):
            text = f"{by} created a PIN" if by else f"a customer came through the channel {channel}"
            about = channel
        case events.PinRedeemed():
            text = "the customer entered the PIN"
        case events.TermsDeclined():
            text = "the customer declined the terms"
        case events.AppletJoined():
            text = "the customer's applet joined"
        case events.SessionStarted():
            text = f"{by} clicked Start session"
        case events.SessionHeld():
            text = f"{by} clicked Hold session"
        case events.SessionTransferred(target=target):
            text, about = f"{by} transferred the session to {target.replace(':', ' ', 1)}", target
        case events.TechnicianInvited(invited=invited):
            text, about = f"{by} invited {invited}", invited
        case events.TechnicianRemoved(removed=removed):
            text, about = f"{by} removed {removed}", removed
        case events.LeadOffered(to=to):
            text, about = f"{by} offered the lead status to {to}", to
        case events.LeadOfferCancelled():
            text = f"{by} cancelled the offer of the lead status"
        case events.LeadAccepted():
            text = f"{by} accepted the lead status"
        case events.RebootOrdered():
            text = f"{by} ordered a reboot of the customer's computer"
        case events.ChatSent():
            text = f"{by or 'the customer'} wrote a chat line"
        case events.ProcessOpened(process=process):
            text, about = f"{by} opened {process.value}", process.value
        case events.ProcessClosed(process=process):
            text, about = f"{by} closed {process.value}", process.value
        case events.SessionEnded():
            text = f"{by} ended the session"
        case events.CollaboratorLeft():
            text = f"{by} left the session"
        case events.EntryDismissed():
            text = f"{by} removed the ended session from the queue"
        case events.AppletClosed():
            text = "the customer closed the applet"
        case events.RebootBegan():
            text = f"the customer's computer reboots, as {by} ordered" if by else "the customer reboots his computer"
        case events.LinkLost():
            text, setting = "the applet has been silent for the reconnect period", "reconnect-period"
        case events.LinkOffline():
            text, setting = "the applet stayed silent for the offline period", "offline-period"
        case events.LinkRestored():
            rebooted = before is not None and before.link is Link.REBOOTING
            text = "the applet is back after the reboot" if rebooted else "the applet is back"
        case events.ConnectingTimedOut():
            text, setting = "the customer did not join within the connecting time-out", "connecting-timeout"
        case events.WaitingTimedOut():
            text, setting = "nobody started the session within the waiting time-out", "waiting-timeout"
        case events.IdleTimedOut():
            text, setting = f"{by} did nothing for the active session idle time-out", "idle-timeout"
        case events.IdleAlarmRaised():
            text, setting = f"{by} has done nothing for most of the idle time-out", "idle-timeout"
        case events.FocusChanged(focused=focused):
            text = f"{by}'s console {'gained' if focused else 'lost'} the focus"
    return Cause(text=text, event=type(event).__name__, technician=by, about=about, setting=setting, value=value)
