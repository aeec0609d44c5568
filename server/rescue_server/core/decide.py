"""Decides which events follow from a command, from the applet or from a deadline; or raises a typed error.

These functions are pure: the organization, the technicians in focus and the time are arguments. They change no session;
`apply` does that.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from rescue_common.emulated_time import later
from rescue_protos.errors import CommandNotAllowed, NotFound, TargetNotAllowed
from rescue_server.core import commands, events
from rescue_server.core.allowed import allowed_commands, can_be_removed
from rescue_server.core.commands import ALLOWED, CommandName
from rescue_server.core.organization import Organization
from rescue_server.core.session import Session
from rescue_server.core.session_entry import SessionEntry, can_idle
from rescue_server.core.status import ENDED_ROLES, Role, status_of
from rescue_server.core.tenants import visible_to
from rescue_server.core.texts import (
    CHAT_LENGTH,
    COMMENT_LENGTH,
    CUSTOMER_LENGTH,
    require_fields,
    require_line,
)
from rescue_server.core.timers import DeadlineKind, SessionDeadline

Events = list[events.AnySessionEvent]


class Context(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a decision needs besides the session: the organization, the technicians in focus, emulated time."""

    organization: Organization
    in_focus: frozenset[str]
    now: datetime


def create_pin(
    *,
    session: str,
    technician: str,
    pin: str,
    customer: str,
    fields: tuple[str, ...] = (),
    tracking: str = "",
    context: Context,
) -> Events:
    """Create a session that only its creator sees, Connecting. Raises NotFound, InvalidArgument."""
    context.organization.require_technician(technician)
    require_line("customer", customer, CUSTOMER_LENGTH)
    require_fields(fields, tracking)
    return [
        events.SessionCreated(
            session=session,
            at=context.now,
            owner=f"group:{context.organization.technicians[technician]}",
            technician=technician,
            pin=pin,
            customer=customer,
            fields=fields,
            tracking=tracking,
            entries=(technician,),
            focused=tuple(context.in_focus & {technician}),
        )
    ]


def on_focus(session: Session, *, technician: str, focused: bool, context: Context) -> Events:
    """A technician's consoles gained or lost the focus. It matters where there is an idle clock, and only there.

    Hundreds may wait for a session. Who starts it brings the focus along.
    """
    entry = session.entries.get(technician)
    if entry is None or not can_idle(entry) or entry.focused is focused or session.ended_at is not None:
        return []
    return [events.FocusChanged(session=session.id, at=context.now, technician=technician, focused=focused)]


def on_due(session: Session, deadline: SessionDeadline) -> Events:
    """Return the event that follows from a deadline, at its due time."""
    at, period, technician = deadline.due, deadline.period, deadline.technician
    match deadline.kind:
        case DeadlineKind.CONNECTING:
            return [events.ConnectingTimedOut(session=session.id, at=at, period=period)]
        case DeadlineKind.RECONNECTING:
            return [events.LinkLost(session=session.id, at=at, period=period)]
        case DeadlineKind.OFFLINE:
            return [events.LinkOffline(session=session.id, at=at, period=period)]
        case DeadlineKind.WAITING:
            return [events.WaitingTimedOut(session=session.id, at=at, period=period)]
        case DeadlineKind.IDLE_COLLABORATOR | DeadlineKind.IDLE_LEAD:
            return [events.IdleTimedOut(session=session.id, at=at, technician=technician, period=period)]
        case DeadlineKind.IDLE_ALARM:
            due = later(session.entries[technician].counted_from, period)
            return [events.IdleAlarmRaised(session=session.id, at=at, technician=technician, due=due)]


def decide(session: Session, command: commands.AnyCommand, context: Context) -> Events:
    """Return the events that follow from a technician's command.

    Raises NotFound, CommandNotAllowed, TargetNotAllowed or InvalidArgument.
    """
    entry = session.entries.get(command.technician)
    if entry is None:
        raise NotFound.of("session", command.session, "it is not in your queue")
    name, decision = _DECISIONS[type(command)]
    if session.link not in ALLOWED[name].get(entry.role, ()):
        raise _refused(session, command.technician, name)
    event = decision(session, command, context)
    if isinstance(event, events.SessionStarted):
        return [event, *_brought_focus(session, entry, command.technician, context)]
    return [event]


def _brought_focus(session: Session, entry: SessionEntry, technician: str, context: Context) -> Events:
    """Return the focus that a technician has who starts a session: it was not followed while the entry waited."""
    focused = technician in context.in_focus
    if entry.focused is focused:
        return []
    return [events.FocusChanged(session=session.id, at=context.now, technician=technician, focused=focused)]


def _refused(session: Session, technician: str, command: CommandName) -> CommandNotAllowed:
    status = status_of(session.entries[technician].role, session.link)
    return CommandNotAllowed.of(
        session=session.id,
        status=status.value,
        command=command.value,
        allowed=allowed_commands(session, technician),
    )


def _start(session: Session, command: commands.StartSession, context: Context) -> events.SessionStarted:
    return events.SessionStarted(session=session.id, at=context.now, technician=command.technician)


def _hold(session: Session, command: commands.HoldSession, context: Context) -> events.SessionHeld:
    return events.SessionHeld(session=session.id, at=context.now, technician=command.technician)


def _transfer(session: Session, command: commands.TransferSession, context: Context) -> events.SessionTransferred:
    require_line("comment", command.comment, COMMENT_LENGTH)
    who, organization = command.technician, context.organization
    members = visible_to(organization, who).members(command.target)
    if command.target.startswith("technician:"):
        [target] = members
        if target == who:
            raise TargetNotAllowed(
                "a session cannot be transferred to oneself", metadata={"session": session.id, "what": "oneself"}
            )
        passed_back = (
            session.entries[who].role is Role.INCOMING
            and target in session.entries
            and session.entries[target].role is Role.OUTGOING
        )
        if target in session.entries and not passed_back:
            raise _already_in(session, target)
        targets: tuple[str, ...] = (target,)
    else:
        targets = tuple(name for name in members if name not in session.entries and name != who)
        if not targets:
            raise TargetNotAllowed(
                f"everybody of {command.target} takes part in session {session.id} already: "
                "choose another technician, group or channel",
                reason="EVERYBODY_IN_SESSION",
                metadata={"session": session.id, "target": command.target},
            )
    return events.SessionTransferred(
        session=session.id,
        at=context.now,
        technician=who,
        target=command.target,
        targets=targets,
        comment=command.comment,
        focused=tuple(sorted(context.in_focus & set(targets))),
    )


def _invite(session: Session, command: commands.InviteTechnician, context: Context) -> events.TechnicianInvited:
    visible_to(context.organization, command.technician).require_technician(command.invited)
    if command.invited in session.entries:
        raise _already_in(session, command.invited)
    return events.TechnicianInvited(
        session=session.id,
        at=context.now,
        technician=command.technician,
        invited=command.invited,
        focused=command.invited in context.in_focus,
    )


def _remove(session: Session, command: commands.RemoveTechnician, context: Context) -> events.TechnicianRemoved:
    context.organization.require_technician(command.removed)
    if not can_be_removed(session, command.removed):
        status = session.status_for(command.removed)
        why = f"is {status}" if status else "takes no part in it"
        raise TargetNotAllowed(
            f"{command.removed} cannot be removed from session {session.id}: {command.removed} {why} "
            "(possible: who is invited or collaborating; who is On Hold only while the session is rebooting)",
            metadata={"session": session.id, "technician": command.removed, "what": "cannot be removed"},
        )
    return events.TechnicianRemoved(
        session=session.id, at=context.now, technician=command.technician, removed=command.removed
    )


def _offer_lead(session: Session, command: commands.OfferLead, context: Context) -> events.LeadOffered:
    context.organization.require_technician(command.to)
    if session.lead_offered_to:
        raise TargetNotAllowed(
            f"the lead of session {session.id} is offered to {session.lead_offered_to} already: cancel that first",
            metadata={"session": session.id, "technician": session.lead_offered_to, "what": "offered already"},
        )
    if command.to not in session.with_role(Role.COLLABORATOR):
        raise TargetNotAllowed(
            f"{command.to} is not Collaborating in session {session.id}: the lead can be offered to "
            f"{', '.join(session.with_role(Role.COLLABORATOR)) or 'nobody now'}",
            metadata={"session": session.id, "technician": command.to, "what": "not collaborating"},
        )
    return events.LeadOffered(session=session.id, at=context.now, technician=command.technician, to=command.to)


def _cancel_lead(session: Session, command: commands.CancelLeadOffer, context: Context) -> events.LeadOfferCancelled:
    if not session.lead_offered_to:
        raise _refused(session, command.technician, CommandName.CANCEL_LEAD)
    return events.LeadOfferCancelled(session=session.id, at=context.now, technician=command.technician)


def _accept_lead(session: Session, command: commands.AcceptLead, context: Context) -> events.LeadAccepted:
    if session.lead_offered_to != command.technician:
        raise _refused(session, command.technician, CommandName.ACCEPT_LEAD)
    return events.LeadAccepted(session=session.id, at=context.now, technician=command.technician)


def _reboot(session: Session, command: commands.RebootComputer, context: Context) -> events.RebootOrdered:
    return events.RebootOrdered(session=session.id, at=context.now, technician=command.technician, order=command.order)


def _chat(session: Session, command: commands.SendChatLine, context: Context) -> events.ChatSent:
    require_line("text", command.text, CHAT_LENGTH, empty=False)
    return events.ChatSent(session=session.id, at=context.now, technician=command.technician, text=command.text)


def _note(session: Session, command: commands.AddNote, context: Context) -> events.NoteAdded:
    require_line("text", command.text, CHAT_LENGTH, empty=False)
    return events.NoteAdded(session=session.id, at=context.now, technician=command.technician, text=command.text)


def _open_process(session: Session, command: commands.OpenProcess, context: Context) -> events.ProcessOpened:
    if command.process in session.entries[command.technician].processes:
        raise TargetNotAllowed(
            f"{command.process} is open already",
            metadata={"session": session.id, "process": command.process.value, "what": "open already"},
        )
    return events.ProcessOpened(
        session=session.id, at=context.now, technician=command.technician, process=command.process
    )


def _close_process(session: Session, command: commands.CloseProcess, context: Context) -> events.ProcessClosed:
    open_now = session.entries[command.technician].processes
    if command.process not in open_now:
        raise TargetNotAllowed(
            f"{command.process} is not open (open: {', '.join(sorted(open_now)) or 'nothing'})",
            metadata={"session": session.id, "process": command.process.value, "what": "not open"},
        )
    return events.ProcessClosed(
        session=session.id, at=context.now, technician=command.technician, process=command.process
    )


def _end(
    session: Session, command: commands.EndSession, context: Context
) -> events.SessionEnded | events.CollaboratorLeft | events.EntryDismissed:
    role = session.entries[command.technician].role
    event: type[events.SessionEnded] | type[events.CollaboratorLeft] | type[events.EntryDismissed] = events.SessionEnded
    if role in ENDED_ROLES:
        event = events.EntryDismissed
    elif role is Role.COLLABORATOR:
        event = events.CollaboratorLeft
    return event(session=session.id, at=context.now, technician=command.technician)


def _already_in(session: Session, technician: str) -> TargetNotAllowed:
    return TargetNotAllowed(
        f"{technician} takes part in session {session.id} already ({session.status_for(technician)})",
        reason="ALREADY_IN_SESSION",
        metadata={"session": session.id, "technician": technician},
    )


_DECISIONS: dict[type, tuple[CommandName, Callable[[Session, Any, Context], events.AnySessionEvent]]] = {
    commands.StartSession: (CommandName.START, _start),
    commands.HoldSession: (CommandName.HOLD, _hold),
    commands.TransferSession: (CommandName.TRANSFER, _transfer),
    commands.InviteTechnician: (CommandName.INVITE, _invite),
    commands.RemoveTechnician: (CommandName.REMOVE, _remove),
    commands.OfferLead: (CommandName.OFFER_LEAD, _offer_lead),
    commands.CancelLeadOffer: (CommandName.CANCEL_LEAD, _cancel_lead),
    commands.AcceptLead: (CommandName.ACCEPT_LEAD, _accept_lead),
    commands.RebootComputer: (CommandName.REBOOT, _reboot),
    commands.SendChatLine: (CommandName.CHAT, _chat),
    commands.AddNote: (CommandName.NOTE, _note),
    commands.OpenProcess: (CommandName.OPEN, _open_process),
    commands.CloseProcess: (CommandName.CLOSE, _close_process),
    commands.EndSession: (CommandName.END, _end),
}
