"""From what happened to a session to what each technician's queue shows of it.

`updates` compares the session before and after an event and says, per technician, what his queue must be told. Every
change of a status is looked up in the table here: one that is not there is a defect and raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rescue_server.core import events
from rescue_server.core.allowed import allowed_commands
from rescue_server.core.organization import Organization
from rescue_server.core.session import Session, SessionEntry
from rescue_server.core.status import LEADS, Status
from rescue_server.core.timers import DeadlineKind, deadlines
from rescue_server.core.transitions import row_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionParticipant:
    """One who takes part in a session, as the others see him."""

    technician: str
    status: Status
    lead: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """One line of a technician's queue. `due_at` is when it times out if nothing happens, by the setting `due_by`."""

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
    """What one technician's queue is told of one event. `previous` is None for a new entry.

    `entry` is the queue entry afterwards; None with an alarm, which changes nothing of it.
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
    """Return the technician's queue entry as it is now; `participants` are the session's, if they are known already."""
    if participants is None:
        participants = participants_of(session)
    entry = session.entries[technician]
    due_at, due_by = _next_due(session, technician, organization)
    status = session.status_for(technician) or Status.REMOVED
    return _line(session, status, entry, technician, participants, due_at, due_by)


def participants_of(session: Session) -> tuple[SessionParticipant, ...]:
    """Return who takes part in a session: the same for every queue."""
    return tuple(
        SessionParticipant(
            technician=name,
            status=session.status_for(name) or Status.REMOVED,
            lead=session.entries[name].role in LEADS,
        )
        for name in sorted(session.entries)
    )


def _line(
    session: Session,
    status: Status,
    entry: SessionEntry,
    technician: str,
    participants: tuple[SessionParticipant, ...],
    due_at: datetime | None,
    due_by: str,
) -> QueueEntry:
    return QueueEntry(
        session=session.id,
        status=status,
        customer=session.customer,
        channel=session.channel,
        pin=session.pin if not session.redeemed and session.ended_at is None else "",
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


def updates(
    before: Session | None, event: events.AnySessionEvent, after: Session, organization: Organization
) -> dict[str, QueueUpdate]:
    """Return what each technician's queue must be told, by technician. Raises UnlistedChange: a defect."""
    cause = cause_of(before, event, after)
    # One tuple for all queues: a channel may have hundreds of technicians, and each ring keeps its updates.
    participants = participants_of(after)
    found: dict[str, QueueUpdate] = {}
    old_entries = before.entries if before else {}
    for technician in sorted({*old_entries, *after.entries}):
        update = _update(before, event, after, technician, organization, cause, participants)
        if update is not None:
            found[technician] = update
    return found


def _update(
    before: Session | None,
    event: events.AnySessionEvent,
    after: Session,
    technician: str,
    organization: Organization,
    cause: Cause,
    participants: tuple[SessionParticipant, ...],
) -> QueueUpdate | None:
    previous = before.status_for(technician) if before else None
    status = after.status_for(technician)
    if status is None:
        assert before is not None
        assert previous is not None
        gone = gone_by(event, technician)
        entry = _line(after, gone, before.entries[technician], technician, participants, None, "")
        return QueueUpdate(
            session=after.id,
            at=event.at,
            cause=cause,
            entry=entry,
            status_changed=True,
            previous=previous,
            row=row_of(previous, gone),
        )
    line = entry_of(after, technician, organization, participants)
    if status is not previous:
        return QueueUpdate(
            session=after.id,
            at=event.at,
            cause=cause,
            entry=line,
            status_changed=True,
            previous=previous,
            row=row_of(previous, status) if previous else 0,
        )
    if isinstance(event, events.ChatSent):
        return QueueUpdate(
            session=after.id, at=event.at, cause=cause, entry=line, chat_from=event.technician, chat_text=event.text
        )
    if isinstance(event, events.IdleAlarmRaised):
        return (
            QueueUpdate(session=after.id, at=event.at, cause=cause, alarm_due=event.due)
            if event.technician == technician
            else None
        )
    if isinstance(event, events.LeadOffered) and event.to == technician:
        return QueueUpdate(session=after.id, at=event.at, cause=cause, entry=line, lead_offered_by=event.technician)
    assert before is not None
    changed = line != entry_of(before, technician, organization)
    return QueueUpdate(session=after.id, at=event.at, cause=cause, entry=line) if changed else None


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
            rebooted = before is not None and before.link == "rebooting"
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
