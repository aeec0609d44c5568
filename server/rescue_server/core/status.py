"""The status of a session as one technician sees it: a pure function of the session's link and the entry's role.

No status is stored. `status_of` derives it from the table below, which follows the published article cell by cell.
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The published English names."""

    CONNECTING = "Connecting"
    WAITING = "Waiting"
    ACTIVE = "Active"
    ON_HOLD = "On Hold"
    RECONNECTING = "Reconnecting"
    OFFLINE = "Offline"
    INCOMING = "Incoming"
    OUTGOING = "Outgoing"
    INVITATION = "Invitation"
    COLLABORATING = "Collaborating"
    REBOOTING = "Rebooting"
    CLOSED = "Closed"
    TIMED_OUT = "Timed Out"
    REMOVED = "Removed from TC queue"
    REMOVED_TIMED_OUT = "Removed from TC queue (Timed Out)"


class Link(StrEnum):
    """The state of the connection to the applet."""

    AWAITING = "awaiting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    OFFLINE = "offline"
    REBOOTING = "rebooting"


LOST_LINKS = (Link.RECONNECTING, Link.OFFLINE)
"""The applet is not heard, and a sign of life of it brings the link back."""


class Role(StrEnum):
    """A technician's part in a session. Each hold is a role, because who put it on hold decides who may resume it."""

    WAITING = "waiting"
    LEAD = "lead"
    LEAD_ON_HOLD = "lead on hold"
    INCOMING = "incoming"
    OUTGOING = "outgoing"
    COLLABORATOR = "collaborator"
    COLLABORATOR_ON_HOLD = "collaborator on hold"
    HELD_BY_LEAD = "collaborator on hold by the lead"
    INVITED = "invited"
    CLOSED = "closed"
    TIMED_OUT = "timed out"


ENDED_ROLES = frozenset({Role.CLOSED, Role.TIMED_OUT})
WAITERS = frozenset({Role.WAITING, Role.INCOMING})  # the session waits until one of them starts it or picks it up
LEADS = frozenset({Role.LEAD, Role.LEAD_ON_HOLD})
COLLABORATORS = frozenset({Role.COLLABORATOR, Role.COLLABORATOR_ON_HOLD, Role.HELD_BY_LEAD})

_LINKS = (Link.CONNECTED, Link.RECONNECTING, Link.OFFLINE, Link.REBOOTING)
_SEEN: dict[Role, tuple[Status, Status, Status, Status]] = {
    Role.WAITING: (Status.WAITING, Status.RECONNECTING, Status.OFFLINE, Status.REBOOTING),
    Role.LEAD: (Status.ACTIVE, Status.RECONNECTING, Status.OFFLINE, Status.REBOOTING),
    Role.LEAD_ON_HOLD: (Status.ON_HOLD, Status.RECONNECTING, Status.OFFLINE, Status.REBOOTING),
    Role.INCOMING: (Status.INCOMING, Status.RECONNECTING, Status.RECONNECTING, Status.REBOOTING),
    Role.OUTGOING: (Status.OUTGOING, Status.OUTGOING, Status.OUTGOING, Status.REBOOTING),
    Role.COLLABORATOR: (Status.COLLABORATING, Status.COLLABORATING, Status.COLLABORATING, Status.REBOOTING),
    Role.COLLABORATOR_ON_HOLD: (Status.ON_HOLD, Status.ON_HOLD, Status.ON_HOLD, Status.REBOOTING),
    Role.HELD_BY_LEAD: (Status.ON_HOLD, Status.ON_HOLD, Status.ON_HOLD, Status.REBOOTING),
    Role.INVITED: (Status.INVITATION,) * 4,
    Role.CLOSED: (Status.CLOSED,) * 4,
    Role.TIMED_OUT: (Status.TIMED_OUT,) * 4,
}


def status_of(role: Role, link: Link) -> Status:
    """Return the status that a technician with this role sees while the link is in this state."""
    if link is Link.AWAITING and role not in ENDED_ROLES:
        return Status.CONNECTING
    return _SEEN[role][_LINKS.index(link) if link in _LINKS else 0]
