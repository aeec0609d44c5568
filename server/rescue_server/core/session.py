"""One session: its link, its entries, and how each event changes them.

A session is a struct of msgspec: each event makes a changed copy, which costs a thirtieth of what it costs with a
dataclass. None is part of a cycle, so the garbage collector need not look at them (`gc=False`).

Only `apply` changes a session. It takes events and decides nothing, so a replay of the journal gives the same state.
`_finish` does what follows from every event, whatever its type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, get_args

import msgspec
from msgspec.structs import replace

from rescue_server.core import events
from rescue_server.core.posts import Post, PostEvent, first_pending, follow_posts
from rescue_server.core.session_entry import SessionEntry, finish_entries
from rescue_server.core.status import COLLABORATORS, LEADS, Link, Role, Status, status_of


class EndReason(StrEnum):
    """Why a session is over."""

    ENDED_BY_TECHNICIAN = "ended by a technician"
    CLOSED_BY_CUSTOMER = "closed by the customer"
    IDLE_TIMEOUT = "active session idle time-out"
    WAITING_TIMEOUT = "waiting time-out"
    CONNECTING_TIMEOUT = "connecting time-out"


class UnknownSession(Exception):
    """The journal has an event of a session that no event created: the journal is damaged, or of a newer program."""

    def __init__(self, session: str) -> None:
        super().__init__("an event of a session that was never created")
        self.session = session


class Session(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """The state of one session. Immutable; `entries` by technician's name.

    `last_lead` is who leads the session or led it last. `posts` are those for its lead's group, in order.
    """

    id: str
    owner: str
    created_at: datetime
    creator: str = ""
    channel: str = ""
    customer: str = ""
    fields: tuple[str, ...] = ()
    tracking: str = ""
    computer: events.AppletComputer = events.AppletComputer()
    pin: str = ""
    ticket_hash: str = ""
    declined: bool = False
    joined_at: datetime | None = None
    link: Link = Link.AWAITING
    link_since: datetime
    entries: Mapping[str, SessionEntry] = msgspec.field(default_factory=dict)
    lead_offered_to: str = ""
    reboot_order: str = ""
    reboot_ordered_by: str = ""
    comment: str = ""
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    last_lead: str = ""
    posts: tuple[Post, ...] = ()

    @property
    def is_redeemed(self) -> bool:
        """Whether an applet has a ticket for this session."""
        return bool(self.ticket_hash)

    @property
    def lead(self) -> str:
        """The technician who leads the session, on hold or not; empty if nobody does."""
        return next((name for name, entry in self.entries.items() if entry.role in LEADS), "")

    def status_for(self, technician: str) -> Status | None:
        """Return the status that this technician sees; None without an entry."""
        entry = self.entries.get(technician)
        return None if entry is None else status_of(entry.role, self.link)

    def with_role(self, *roles: Role) -> tuple[str, ...]:
        """Return the technicians with one of these roles, sorted by name."""
        return tuple(sorted(name for name, entry in self.entries.items() if entry.role in roles))


def apply(session: Session | None, event: events.AnySessionEvent) -> Session:
    """Return the session after the event. Only SessionCreated needs no session.

    Raises UnknownSession if another event comes without a session.
    """
    if isinstance(event, events.SessionCreated):
        return _created(event)
    if session is None:
        raise UnknownSession(event.session)
    after = _CHANGES[type(event)](session, event)
    return _finish(session, after, event)


class _Draft(dict[str, SessionEntry]):
    """A mutable copy of the entries, to change roles. `_finish` updates `since` and the other fields afterwards."""

    def __init__(self, session: Session, at: datetime) -> None:
        super().__init__(session.entries)
        self.at = at

    def move(self, role: Role, *names: str, by: str | None = None) -> None:
        for name in names:
            known = self[name]
            self[name] = replace(known, role=role, introduced_by=known.introduced_by if by is None else by)

    def add(self, role: Role, name: str, *, by: str, focused: bool) -> None:
        self[name] = SessionEntry(role=role, since=self.at, counted_from=self.at, focused=focused, introduced_by=by)

    def remove(self, *names: str) -> None:
        for name in names:
            del self[name]


def _created(event: events.SessionCreated) -> Session:
    # Of a channel hundreds may wait: they share two entries.
    in_focus, out_of_focus = (
        SessionEntry(role=Role.WAITING, since=event.at, counted_from=event.at, focused=focused)
        for focused in (True, False)
    )
    focused = frozenset(event.focused)
    entries = {name: in_focus if name in focused else out_of_focus for name in event.entries}
    return Session(
        id=event.session,
        owner=event.owner,
        created_at=event.at,
        creator=event.technician,
        channel=event.channel,
        customer=event.customer,
        fields=event.fields,
        tracking=event.tracking,
        computer=event.computer,
        pin=event.pin,
        ticket_hash=event.ticket_hash,
        link_since=event.at,
        entries=MappingProxyType(entries),
    )


def _pin_redeemed(session: Session, event: events.PinRedeemed) -> Session:
    return replace(
        session,
        ticket_hash=event.ticket_hash,
        customer=event.customer or session.customer,
        computer=event.computer,
    )


def _terms_declined(session: Session, event: events.TermsDeclined) -> Session:
    return replace(session, declined=True)


def _applet_joined(session: Session, event: events.AppletJoined) -> Session:
    return replace(session, link=Link.CONNECTED, joined_at=event.at)


def _started(session: Session, event: events.SessionStarted) -> Session:
    who, draft = event.technician, _Draft(session, event.at)
    role = session.entries[who].role
    if role in (Role.INVITED, Role.COLLABORATOR_ON_HOLD):
        draft.move(Role.COLLABORATOR, who)
        return replace(session, entries=draft)
    if role is Role.WAITING:
        draft.remove(*(name for name in session.with_role(Role.WAITING) if name != who))
    elif role is Role.INCOMING:
        draft.remove(*session.with_role(Role.OUTGOING))
        draft.remove(*(name for name in session.with_role(Role.INCOMING) if name != who))
    elif role is Role.OUTGOING:
        draft.remove(*session.with_role(Role.INCOMING))
    draft.move(Role.LEAD, who)
    draft.move(Role.COLLABORATOR, *session.with_role(Role.HELD_BY_LEAD))
    return replace(session, entries=draft, last_lead=who)


def _held(session: Session, event: events.SessionHeld) -> Session:
    draft = _Draft(session, event.at)
    if session.entries[event.technician].role is Role.LEAD:
        draft.move(Role.LEAD_ON_HOLD, event.technician)
        draft.move(Role.HELD_BY_LEAD, *session.with_role(Role.COLLABORATOR))
    else:
        draft.move(Role.COLLABORATOR_ON_HOLD, event.technician)
    return replace(session, entries=draft)


def _transferred(session: Session, event: events.SessionTransferred) -> Session:
    who, draft = event.technician, _Draft(session, event.at)
    others = Role.WAITING if session.entries[who].role is Role.WAITING else Role.INCOMING
    draft.remove(*(name for name in session.with_role(others) if name != who))
    draft.remove(*(name for name in session.with_role(Role.OUTGOING) if name not in event.targets))
    draft.move(Role.OUTGOING, who)
    for name in event.targets:
        if name in draft:
            draft.move(Role.INCOMING, name, by=who)
        else:
            draft.add(Role.INCOMING, name, by=who, focused=name in event.focused)
    return replace(session, entries=draft, comment=event.comment)


def _invited(session: Session, event: events.TechnicianInvited) -> Session:
    draft = _Draft(session, event.at)
    draft.add(Role.INVITED, event.invited, by=event.technician, focused=event.focused)
    return replace(session, entries=draft)


def _without(session: Session, at: datetime, *names: str) -> Session:
    draft = _Draft(session, at)
    draft.remove(*names)
    return replace(session, entries=draft)


def _lead_accepted(session: Session, event: events.LeadAccepted) -> Session:
    draft = _Draft(session, event.at)
    draft.move(Role.COLLABORATOR, session.lead)
    draft.move(Role.LEAD, event.technician)
    return replace(session, entries=draft, last_lead=event.technician)


def _process_changed(session: Session, event: events.ProcessOpened | events.ProcessClosed) -> Session:
    draft = _Draft(session, event.at)
    entry = draft[event.technician]
    one = {event.process}
    processes = entry.processes | one if isinstance(event, events.ProcessOpened) else entry.processes - one
    draft[event.technician] = replace(entry, processes=processes)
    return replace(session, entries=draft)


def _reboot_began(session: Session, event: events.RebootBegan) -> Session:
    draft = _Draft(session, event.at)
    for name, entry in session.entries.items():
        draft[name] = replace(entry, processes=frozenset())
    return replace(session, entries=draft, link=Link.REBOOTING)


def _focus_changed(session: Session, event: events.FocusChanged) -> Session:
    draft = _Draft(session, event.at)
    draft[event.technician] = replace(draft[event.technician], focused=event.focused)
    return replace(session, entries=draft)


def _posts_changed(session: Session, event: PostEvent) -> Session:
    return replace(session, posts=follow_posts(session.posts, event))


def _alarm_raised(session: Session, event: events.IdleAlarmRaised) -> Session:
    draft = _Draft(session, event.at)
    draft[event.technician] = replace(draft[event.technician], alarmed=True)
    return replace(session, entries=draft)


def _ended_by_technician(session: Session, event: events.SessionEnded) -> Session:
    return _end(session, event.at, EndReason.ENDED_BY_TECHNICIAN, closed=COLLABORATORS)


def _applet_closed(session: Session, event: events.AppletClosed) -> Session:
    closed = COLLABORATORS | LEADS | {Role.OUTGOING}
    return _end(session, event.at, EndReason.CLOSED_BY_CUSTOMER, closed=closed)


def _idle_timed_out(session: Session, event: events.IdleTimedOut) -> Session:
    if session.entries[event.technician].role is not Role.LEAD:
        return _without(session, event.at, event.technician)
    ended = _end(session, event.at, EndReason.IDLE_TIMEOUT, closed=COLLABORATORS | {Role.LEAD})
    timed_out = replace(ended.entries[event.technician], role=Role.TIMED_OUT)
    return replace(ended, entries={**ended.entries, event.technician: timed_out})


def _end(session: Session, at: datetime, reason: EndReason, *, closed: frozenset[Role]) -> Session:
    """End the session for all: entries with a role in `closed` stay as Closed, all others leave."""
    draft = _Draft(session, at)
    for name, entry in session.entries.items():
        if entry.role in closed:
            draft.move(Role.CLOSED, name)
        else:
            draft.remove(name)
    return replace(session, entries=draft, ended_at=at, end_reason=reason)


def _timed_out(reason: EndReason) -> Callable[[Session, Any], Session]:
    return lambda session, event: _end(session, event.at, reason, closed=frozenset())


_CHANGES: dict[type, Callable[[Session, Any], Session]] = {
    events.PinRedeemed: _pin_redeemed,
    events.TermsDeclined: _terms_declined,
    events.AppletJoined: _applet_joined,
    events.SessionStarted: _started,
    events.SessionHeld: _held,
    events.SessionTransferred: _transferred,
    events.TechnicianInvited: _invited,
    events.TechnicianRemoved: lambda session, event: _without(session, event.at, event.removed),
    events.LeadOffered: lambda session, event: replace(session, lead_offered_to=event.to),
    events.LeadOfferCancelled: lambda session, event: replace(session, lead_offered_to=""),
    events.LeadAccepted: _lead_accepted,
    events.RebootOrdered: lambda session, event: replace(
        session,
        reboot_order=session.reboot_order or event.order,
        reboot_ordered_by=session.reboot_ordered_by or event.technician,
    ),
    events.ChatSent: lambda session, event: session,
    events.NoteAdded: lambda session, event: session,
    events.ProcessOpened: _process_changed,
    events.ProcessClosed: _process_changed,
    events.SessionEnded: _ended_by_technician,
    events.CollaboratorLeft: lambda session, event: _without(session, event.at, event.technician),
    events.EntryDismissed: lambda session, event: _without(session, event.at, event.technician),
    events.AppletClosed: _applet_closed,
    events.RebootBegan: _reboot_began,
    events.LinkLost: lambda session, event: replace(session, link=Link.RECONNECTING),
    events.LinkOffline: lambda session, event: replace(session, link=Link.OFFLINE),
    events.LinkRestored: lambda session, event: replace(session, link=Link.CONNECTED),
    events.ConnectingTimedOut: _timed_out(EndReason.CONNECTING_TIMEOUT),
    events.WaitingTimedOut: _timed_out(EndReason.WAITING_TIMEOUT),
    events.IdleTimedOut: _idle_timed_out,
    events.IdleAlarmRaised: _alarm_raised,
    events.FocusChanged: _focus_changed,
    **dict.fromkeys(get_args(PostEvent), _posts_changed),
}


def _finish(before: Session, after: Session, event: events.AnySessionEvent) -> Session:
    """Do what follows from every event: date new statuses, restart idle clocks, drop offers and orders that lapsed."""
    at = event.at
    link_changed = after.link is not before.link
    entries = finish_entries(before.entries, before.link, after.entries, after.link, event)
    offered = entries.get(after.lead_offered_to)
    led = any(entry.role is Role.LEAD for entry in entries.values())
    keeps_offer = offered is not None and offered.role is Role.COLLABORATOR and led
    keeps_order = not link_changed and after.ended_at is None
    return replace(
        after,
        entries=MappingProxyType(entries),
        link_since=at if link_changed else after.link_since,
        lead_offered_to=after.lead_offered_to if keeps_offer else "",
        # A lost link or a reboot cancels an order: the applet must not carry it out late.
        reboot_order=after.reboot_order if keeps_order else "",
        reboot_ordered_by=after.reboot_ordered_by if keeps_order else "",
    )


def is_gone(session: Session) -> bool:
    """Whether the session has ended and is in no queue any more."""
    return session.ended_at is not None and not session.entries


def is_over(session: Session) -> bool:
    """Whether nothing can happen to the session any more: it is gone, and has no post that somebody can have sent."""
    return is_gone(session) and not session.posts


def is_settled(session: Session) -> bool:
    """Whether the session is gone and all its posts were sent or given up: nothing happens to it any more by itself."""
    return is_gone(session) and first_pending(session.posts) is None
