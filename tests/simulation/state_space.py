"""Every reachable state of one session: all commands, all events of the customer's side, all deadlines.

Time is abstracted: each running deadline can be the next, whatever its period. So the walk reaches at least the states
that real periods reach. Two states are equal if the link, the roles, the offer and all else that decides which commands
are allowed are equal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from rescue_protos.errors import FailedPrecondition
from rescue_server.core.commands import (
    AcceptLead,
    AddNote,
    AnyCommand,
    CancelLeadOffer,
    EndSession,
    HoldSession,
    InviteTechnician,
    OfferLead,
    RebootComputer,
    RemoveTechnician,
    SendChatLine,
    StartSession,
    TransferSession,
)
from rescue_server.core.customer_side import (
    on_attach,
    on_going_down,
    on_goodbye,
    on_sign_of_life,
    on_terms,
    redeem_pin,
    start_through_channel,
)
from rescue_server.core.decide import Context, create_pin, decide, on_due
from rescue_server.core.events import AnySessionEvent
from rescue_server.core.organization import Organization
from rescue_server.core.queue import updates
from rescue_server.core.session import Session, apply
from rescue_server.core.status import Link, Role, Status
from rescue_server.core.timers import DeadlineKind, SessionDeadline, deadlines
from rescue_server.settings import SessionSettings

START = datetime(2026, 1, 1, tzinfo=UTC)
SOON = timedelta(seconds=1)
TECHNICIANS = ("alice", "bob", "carol", "dave")
Key = tuple[object, ...]


def organization_of(count: int) -> Organization:
    """The first two technicians are Support, the others Network; the channel Web is served by both groups."""
    minute = timedelta(minutes=1)
    settings = SessionSettings(waiting_timeout=minute, idle_timeout=minute)
    groups = {name: "Support" if index < 2 else "Network" for index, name in enumerate(TECHNICIANS[:count])}
    return Organization(
        technicians=groups,
        channels={"Web": ("Support", "Network"), "EngineState": ("Support",)},
        settings=dict.fromkeys(("group:Support", "group:Network", "channel:Web", "channel:EngineState"), settings),
    )


def key_of(session: Session) -> Key:
    """The facts in which two different states differ."""
    return (
        session.link,
        bool(session.joined_at),
        session.is_redeemed,
        session.declined,
        tuple(sorted((name, entry.role) for name, entry in session.entries.items())),
        session.lead_offered_to,
        session.ended_at is not None,
    )


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A change that a queue showed, and the event that caused it."""

    start: Status
    end: Status
    row: int
    event: str


@dataclass(slots=True)
class Found:
    """What the walk found."""

    states: dict[Key, Session] = field(default_factory=dict)
    changes: set[ShownChange] = field(default_factory=set)
    refusals: int = 0


def commands_of(session: Session, technician: str, organization: Organization) -> Iterator[AnyCommand]:
    """Yield each command that the technician could give, allowed or not."""
    who = {"technician": technician, "session": session.id}
    yield StartSession(**who)
    yield HoldSession(**who)
    yield EndSession(**who)
    yield RebootComputer(**who, order="order")
    yield CancelLeadOffer(**who)
    yield AcceptLead(**who)
    yield SendChatLine(**who, text="hello")
    yield AddNote(**who, text="they called before")
    for group in organization.groups:
        yield TransferSession(**who, target=f"group:{group}")
    for channel in organization.channels:
        yield TransferSession(**who, target=f"channel:{channel}")
    for other in organization.technicians:
        yield TransferSession(**who, target=f"technician:{other}")
        yield InviteTechnician(**who, invited=other)
        yield RemoveTechnician(**who, removed=other)
        yield OfferLead(**who, to=other)


def steps_of(session: Session, context: Context) -> Iterator[list[AnySessionEvent] | FailedPrecondition]:
    """Yield all that can happen next: the events, or the error of a command that is not allowed."""
    for technician in context.organization.technicians:
        if technician not in session.entries:
            continue
        for command in commands_of(session, technician, context.organization):
            try:
                yield decide(session, command, context)
            except FailedPrecondition as refusal:
                yield refusal
    if not session.is_redeemed and session.ended_at is None:
        yield redeem_pin(session, ticket_hash="hash", customer="", context=context)
    if session.is_redeemed:
        yield on_terms(session, accepted=True, context=context)
        yield on_terms(session, accepted=False, context=context)
        yield on_sign_of_life(session, context)
        yield on_going_down(session, order="", context=context)
        yield on_goodbye(session, context)
        yield on_attach(session, context)
    armed = deadlines(session, context.organization)
    if session.link is Link.CONNECTED and session.ended_at is None:
        armed.append(SessionDeadline(context.now, DeadlineKind.RECONNECTING, "", session.id, SOON))
    for deadline in armed:
        yield on_due(session, msgspec.structs.replace(deadline, due=context.now))
    # A return from a reboot at which the idle time-outs of some technicians have passed and others have not.
    if session.link is Link.REBOOTING:
        late = msgspec.structs.replace(context, now=context.now + timedelta(hours=1))
        yield on_attach(session, late)


def walk(count: int) -> Found:
    """Walk all states that `count` technicians can reach, by PIN and through both channels."""
    organization = organization_of(count)
    context = Context(organization=organization, in_focus=frozenset(), now=START)
    found, waiting = Found(), deque[Session]()
    births = [create_pin(session="1", technician="alice", pin="123456", customer="", context=context)]
    births += [
        start_through_channel(session="1", channel=name, customer="", ticket_hash="hash", context=context)
        for name in organization.channels
    ]
    for events in births:
        waiting.append(apply(None, events[0]))
    while waiting:
        session = waiting.popleft()
        if key_of(session) in found.states:
            continue
        found.states[key_of(session)] = session
        for outcome in steps_of(session, context):
            if isinstance(outcome, FailedPrecondition):
                found.refusals += 1
                continue
            following = session
            for event in outcome:
                before, following = following, apply(following, event)
                check(following)
                for update in updates(before, event, following, organization).values():
                    if update.status_changed and update.previous is not None and update.entry is not None:
                        changed = ShownChange(update.previous, update.entry.status, update.row, type(event).__name__)
                        found.changes.add(changed)
            waiting.append(following)
    return found


def check(session: Session) -> None:
    """What must hold in every state."""
    leads = session.with_role(Role.LEAD, Role.LEAD_ON_HOLD)
    assert len(leads) <= 1, session
    assert len(session.with_role(Role.OUTGOING)) <= 1, session
    assert not (leads and session.with_role(Role.WAITING, Role.OUTGOING, Role.INCOMING)), session
    if session.ended_at is None:
        answered_for = leads or session.with_role(Role.WAITING) or session.with_role(Role.OUTGOING)
        assert answered_for, f"nobody answers for {session}"
    if session.lead_offered_to:
        assert session.entries[session.lead_offered_to].role is Role.COLLABORATOR, session
        assert session.with_role(Role.LEAD), session
