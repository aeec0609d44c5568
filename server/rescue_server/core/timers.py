"""The deadlines of a session: what falls due if nothing else happens. They are data; the runtime arms the timers.

The applet's lease is not among them. Heartbeats are not stored, so only the runtime knows when a lease expires; it then
passes a RECONNECTING deadline to `decide.on_due`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import IntEnum

import msgspec

from rescue_common.emulated_time import later
from rescue_server.core.organization import Organization
from rescue_server.core.session import Session
from rescue_server.core.session_entry import SessionEntry, can_idle, is_held
from rescue_server.core.status import Link, Role
from rescue_server.settings import setting_name

LONGEST_WARNING = timedelta(minutes=1)


class DeadlineKind(IntEnum):
    """What falls due. Deadlines of the same instant are applied in this order."""

    CONNECTING = 0
    RECONNECTING = 1
    OFFLINE = 2
    IDLE_COLLABORATOR = 3
    IDLE_LEAD = 4
    WAITING = 5
    IDLE_ALARM = 6


class SessionDeadline(msgspec.Struct, frozen=True, order=True, gc=False):
    """Something falls due in a session at `due`. Deadlines sort in the order in which they are applied."""

    due: datetime
    kind: DeadlineKind
    technician: str
    session: str
    period: timedelta

    @property
    def setting(self) -> str:
        """The name of the setting that gave the period."""
        return _SETTINGS[self.kind]


_SETTINGS = {
    DeadlineKind.CONNECTING: setting_name("connecting_timeout"),
    DeadlineKind.RECONNECTING: setting_name("reconnect_period"),
    DeadlineKind.OFFLINE: setting_name("offline_period"),
    DeadlineKind.IDLE_COLLABORATOR: setting_name("idle_timeout"),
    DeadlineKind.IDLE_LEAD: setting_name("idle_timeout"),
    DeadlineKind.IDLE_ALARM: setting_name("idle_timeout"),
    DeadlineKind.WAITING: setting_name("waiting_timeout"),
}


def deadlines(session: Session, organization: Organization) -> list[SessionDeadline]:
    """Return the session's deadlines, the soonest first. A deadline can lie in the past."""
    if session.ended_at is not None:
        return []
    settings = organization.settings_of(session.owner)
    found: list[SessionDeadline] = []

    def add(kind: DeadlineKind, since: datetime, period: timedelta, technician: str = "") -> None:
        found.append(SessionDeadline(later(since, period), kind, technician, session.id, period))

    if session.joined_at is None:
        add(DeadlineKind.CONNECTING, session.created_at, settings.connecting_timeout)
        return found
    if session.link is Link.RECONNECTING:
        add(DeadlineKind.OFFLINE, session.link_since, settings.offline_period)
    if settings.waiting_timeout and session.with_role(Role.WAITING):
        add(DeadlineKind.WAITING, session.joined_at, settings.waiting_timeout)
    # No published row leads from Rebooting to Timed Out. `overdue_on_return` finds what fell due during the reboot.
    if session.link is not Link.REBOOTING:
        for technician, entry in session.entries.items():
            if not can_idle(entry) or is_held(entry, session.link):
                continue
            if period := organization.idle_timeout(technician):
                kind = DeadlineKind.IDLE_LEAD if entry.role is Role.LEAD else DeadlineKind.IDLE_COLLABORATOR
                add(kind, entry.counted_from, period, technician)
                if not entry.alarmed:
                    found.append(_alarm(session, technician, entry, period))
    return sorted(found)


def overdue_on_return(session: Session, organization: Organization, now: datetime) -> list[SessionDeadline]:
    """Return the idle time-outs that fell due while the session was rebooting, in the order in which they are applied.

    Focus and open processes stop an idle clock only while the link is connected, so they did not stop these.
    """
    found = []
    for technician, entry in session.entries.items():
        period = organization.idle_timeout(technician) if can_idle(entry) else timedelta(0)
        if period and later(entry.counted_from, period) <= now:
            kind = DeadlineKind.IDLE_LEAD if entry.role is Role.LEAD else DeadlineKind.IDLE_COLLABORATOR
            found.append(SessionDeadline(now, kind, technician, session.id, period))
    return sorted(found)


def warning(period: timedelta) -> timedelta:
    """Return how long before an idle time-out its alarm is raised."""
    return min(LONGEST_WARNING, period / 2)


def _alarm(session: Session, technician: str, entry: SessionEntry, period: timedelta) -> SessionDeadline:
    due = later(entry.counted_from, period) - warning(period)
    return SessionDeadline(due, DeadlineKind.IDLE_ALARM, technician, session.id, period)
