"""Which status the API shows of an entry: the specification's table, as data.

The link wins over the role, and the end of the session over both. An entry that the tables give nothing has no row.
"""

from __future__ import annotations

from enum import Enum

from rescue_api.answers import Enumeration
from rescue_client.api_records import AppletLink, EntryFacts, EntryLeft, EntryRole, SessionEnd, SessionFacts


class SessionStatus(Enum):
    """A status: the name of SOAP's enumeration (after `SESSION_`), and the words of the text methods."""

    CONNECTING = ("CONNECTING", "Connecting")
    RECONNECTING = ("CONNECTIONPROBLEM", "Reconnecting")
    OFFLINE = ("OFFLINE", "Offline")
    REBOOTING = ("REBOOTING", "Rebooting")
    WAITING = ("WAITING", "Waiting")
    ACTIVE = ("PICKEDUP", "Active")
    ON_HOLD = ("ONHOLD", "On Hold")
    TRANSFERRING = ("TRANSFERINGBUTNOTPICKEDUP", "Transferring")
    TRANSFERRED = ("CLOSED_TRANSFERREDANOTHERTECH", "Transferred")
    CLOSED_BY_TECHNICIAN = ("CLOSEDBYTECHNICIAN", "Closed by technician")
    CLOSED_BY_ACTIVE_CUSTOMER = ("CLOSEDBYACTIVECUSTOMER", "Closed by active customer")
    CLOSED_BY_WAITING_CUSTOMER = ("CLOSEDBYWAITINGCUSTOMER", "Closed by waiting customer")
    CUSTOMER_LEFT_ON_HOLD = ("ONHOLDBUTCUSTOMERLEFT", "Closed by active customer")
    CUSTOMER_LEFT_UNPICKED = ("CUSTOMERLEFTSESSION_DURINGTRANSFER_WITHOUTPICKUP", "Closed by customer")
    CUSTOMER_LEFT_TRANSFER = ("CUSTOMERLEFTSESSION_DURINGTRANSFER", "Closed by customer")
    IDLE = ("TIMEOUT_SESSIONIDLETECHSIDE", "Timed out")
    IDLE_DISMISSED = ("TIMEOUT_SESSIONIDLETECHSIDE", "Timed out: closed by technician")
    WAITED_TOO_LONG = ("WAITINGTIMEOUT_NOTPICKEDUP", "Timed out")
    CONNECTED_TOO_LATE = ("SYSTEMTIMEOUT_NOTPICKEDUP", "Timed out")
    TERMS_DECLINED = ("TERMSANDCONDITIONSDECLINED", "Closed by customer")

    @property
    def soap(self) -> str:
        """The value of SOAP's enumeration."""
        return f"SESSION_{self.value[0]}"

    @property
    def words(self) -> str:
        """The words of the text methods and of reports."""
        return self.value[1]


SOAP_STATUSES = Enumeration(
    name="SESSION_STATUS", values=tuple(dict.fromkeys(f"SESSION_{status.value[0]}" for status in SessionStatus))
)
_LINKS = {
    AppletLink.AWAITING: SessionStatus.CONNECTING,
    AppletLink.RECONNECTING: SessionStatus.RECONNECTING,
    AppletLink.OFFLINE: SessionStatus.OFFLINE,
    AppletLink.REBOOTING: SessionStatus.REBOOTING,
}
_HELD = (EntryRole.LEAD_ON_HOLD, EntryRole.COLLABORATOR_ON_HOLD, EntryRole.HELD_BY_LEAD)
_MOVING = (EntryRole.OUTGOING, EntryRole.INCOMING)
_ROLES = {
    EntryRole.WAITING: SessionStatus.WAITING,
    EntryRole.LEAD: SessionStatus.ACTIVE,
    EntryRole.COLLABORATOR: SessionStatus.ACTIVE,
    **dict.fromkeys(_HELD, SessionStatus.ON_HOLD),
    **dict.fromkeys(_MOVING, SessionStatus.TRANSFERRING),
}
_ENDS = {
    SessionEnd.ENDED_BY_TECHNICIAN: SessionStatus.CLOSED_BY_TECHNICIAN,
    SessionEnd.TERMS_DECLINED: SessionStatus.TERMS_DECLINED,
    SessionEnd.IDLE_TIMEOUT: SessionStatus.IDLE,
    SessionEnd.WAITING_TIMEOUT: SessionStatus.WAITED_TOO_LONG,
    SessionEnd.CONNECTING_TIMEOUT: SessionStatus.CONNECTED_TOO_LATE,
}
_CUSTOMER_CLOSED = {
    EntryRole.WAITING: SessionStatus.CLOSED_BY_WAITING_CUSTOMER,
    EntryRole.LEAD: SessionStatus.CLOSED_BY_ACTIVE_CUSTOMER,
    EntryRole.COLLABORATOR: SessionStatus.CLOSED_BY_ACTIVE_CUSTOMER,
    **dict.fromkeys(_HELD, SessionStatus.CUSTOMER_LEFT_ON_HOLD),
}


def status_of(session: SessionFacts, entry: EntryFacts) -> SessionStatus | None:
    """Return what the API shows of one technician's entry; None if it shows no row."""
    if entry.left is EntryLeft.PICKED_UP:
        return SessionStatus.TRANSFERRED
    if entry.role is EntryRole.INVITED:
        return None
    if session.end is not None:
        dismissed = entry.left is EntryLeft.DISMISSED
        return end_status(session.end, entry.role, was_active=session.started_at is not None, dismissed=dismissed)
    return _LINKS.get(session.link) or _ROLES.get(entry.role)


def end_status(end: SessionEnd, role: EntryRole, *, was_active: bool, dismissed: bool = False) -> SessionStatus:
    """Return the status of a session that is over. `role` is the technician's just before the end."""
    if end is SessionEnd.CLOSED_BY_CUSTOMER:
        if role in _MOVING:
            return SessionStatus.CUSTOMER_LEFT_TRANSFER if was_active else SessionStatus.CUSTOMER_LEFT_UNPICKED
        return _CUSTOMER_CLOSED.get(role, SessionStatus.CLOSED_BY_ACTIVE_CUSTOMER)
    if end is SessionEnd.IDLE_TIMEOUT and dismissed:
        return SessionStatus.IDLE_DISMISSED
    return _ENDS[end]
