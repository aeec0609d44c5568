"""What a session's time was spent on, and what technicians did with it: the figures of reports and posts.

A figure is a pure function of the events. Each moment between the creation and the end of a session counts once, for
what its leading entry shows; a broken link counts before the role.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from rescue_server.core import events
from rescue_server.core.session import Session
from rescue_server.core.status import Link, Role

NO_TIME = timedelta()
REBOOT = "reboot"
"""Stands among the tools for a reboot that a technician ordered."""

_LEADING = (Role.LEAD, Role.LEAD_ON_HOLD, Role.OUTGOING, Role.INCOMING, Role.WAITING)
"""The first of these roles that an entry has is that of the leading entry."""


class TimeSpent(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """How long a session was what. Work is a part of active: the lead looked at it, or had a process open."""

    connecting: timedelta = NO_TIME
    waiting: timedelta = NO_TIME
    active: timedelta = NO_TIME
    hold: timedelta = NO_TIME
    transfer: timedelta = NO_TIME
    rebooting: timedelta = NO_TIME
    reconnecting: timedelta = NO_TIME
    work: timedelta = NO_TIME

    @property
    def total(self) -> timedelta:
        """The time from the first Active on, as the vendor adds it up."""
        return self.active + self.hold + self.transfer + self.rebooting + self.reconnecting


class TransferRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One transfer by `technician`, from `source` to `target`, such as "channel:Web" and "group:Network".

    `to` picked it up; it is empty if it was taken back, passed on or is not over. `waited`: in Waiting, before it.
    """

    at: datetime
    technician: str
    source: str
    target: str
    comment: str
    waited: timedelta
    to: str = ""
    over_at: datetime | None = None


class SessionAccount(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """One session's figures. `lead` led last; `last_role` is that of the leading entry, at the end the one before it.

    `spent` is counted up to `counted_to`. `tools` are the processes that were opened, and REBOOT, by first use.
    """

    spent: TimeSpent = TimeSpent()
    counted_to: datetime | None = None
    lead: str = ""
    last_role: Role = Role.WAITING
    last_action_at: datetime | None = None
    tools: tuple[str, ...] = ()
    transfers: tuple[TransferRecord, ...] = ()


def count(account: SessionAccount, before: Session, event: events.AnySessionEvent, after: Session) -> SessionAccount:
    """Return the account after an event of a session that goes on."""
    return SessionAccount(
        spent=_spent(account, before, event.at),
        counted_to=event.at,
        lead=after.lead or account.lead,
        last_role=_leading_role(before if after.ended_at is not None else after),
        last_action_at=event.at if _is_action(event) else account.last_action_at,
        tools=_tools(account.tools, event),
        transfers=_transfers(account, before, event, after),
    )


def spent_on(session: Session) -> str:
    """Return what the session's time goes to now: the name of a field of TimeSpent."""
    return _BY_LINK.get(session.link) or _BY_ROLE[_leading_role(session)]


_BY_LINK = {
    Link.AWAITING: "connecting",
    Link.REBOOTING: "rebooting",
    Link.RECONNECTING: "reconnecting",
    Link.OFFLINE: "reconnecting",
}
_BY_ROLE = {
    Role.LEAD: "active",
    Role.LEAD_ON_HOLD: "hold",
    Role.OUTGOING: "transfer",
    Role.INCOMING: "transfer",
    Role.WAITING: "waiting",
}


def _leading_role(session: Session) -> Role:
    roles = {entry.role for entry in session.entries.values()}
    return next((role for role in _LEADING if role in roles), Role.WAITING)


def _spent(account: SessionAccount, before: Session, now: datetime) -> TimeSpent:
    spent, on = account.spent, spent_on(before)
    passed = max(now - (account.counted_to or before.created_at), NO_TIME)
    if on == "active":
        lead = before.entries[before.lead]
        works = lead.focused or bool(lead.processes)
        return replace(spent, active=spent.active + passed, work=spent.work + passed if works else spent.work)
    return replace(spent, **{on: getattr(spent, on) + passed})


def _is_action(event: events.AnySessionEvent) -> bool:
    return isinstance(event, events.Activity | events.SessionEnded | events.CollaboratorLeft) and bool(event.technician)


def _tools(known: tuple[str, ...], event: events.AnySessionEvent) -> tuple[str, ...]:
    tool = ""
    if isinstance(event, events.ProcessOpened):
        tool = event.process.value
    elif isinstance(event, events.RebootOrdered):
        tool = REBOOT
    return (*known, tool) if tool and tool not in known else known


def _transfers(
    account: SessionAccount, before: Session, event: events.AnySessionEvent, after: Session
) -> tuple[TransferRecord, ...]:
    known = account.transfers
    if known and known[-1].over_at is None:
        known = (*known[:-1], _followed(known[-1], before, event, after))
    if not isinstance(event, events.SessionTransferred):
        return known
    from_channel = before.channel and before.entries[event.technician].role is Role.WAITING
    made = TransferRecord(
        at=event.at,
        technician=event.technician,
        source=f"channel:{before.channel}" if from_channel else f"technician:{event.technician}",
        target=event.target,
        comment=event.comment,
        waited=_spent(account, before, event.at).waiting,
    )
    return (*known, made)


def _followed(
    open_one: TransferRecord, before: Session, event: events.AnySessionEvent, after: Session
) -> TransferRecord:
    if isinstance(event, events.SessionStarted) and before.entries[event.technician].role is Role.INCOMING:
        return replace(open_one, to=event.technician, over_at=event.at)
    over = isinstance(event, events.SessionTransferred) or not after.with_role(Role.OUTGOING)
    return replace(open_one, over_at=event.at) if over else open_one
