"""The commands that technicians give to a session, and in which role and on which link each is allowed.

`ALLOWED` is the whole rule. `decide` raises CommandNotAllowed for what is not in it.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from rescue_server.core.events import Process
from rescue_server.core.status import Link, Role


class CommandName(StrEnum):
    """The commands by their names in the scripted console."""

    START = "start"
    HOLD = "hold"
    TRANSFER = "transfer"
    INVITE = "invite"
    REMOVE = "remove"
    OFFER_LEAD = "lead offer"
    CANCEL_LEAD = "lead cancel"
    ACCEPT_LEAD = "lead accept"
    REBOOT = "reboot"
    CHAT = "chat"
    NOTE = "note"
    OPEN = "open"
    CLOSE = "close"
    END = "end"


_CONNECTED = frozenset({Link.CONNECTED})
_BROKEN = frozenset({Link.RECONNECTING, Link.OFFLINE, Link.REBOOTING})
_JOINED = _CONNECTED | _BROKEN
_ANY = _JOINED | {Link.AWAITING}

ALLOWED: dict[CommandName, dict[Role, frozenset[Link]]] = {
    CommandName.START: dict.fromkeys(
        (
            Role.WAITING,
            Role.LEAD_ON_HOLD,
            Role.COLLABORATOR_ON_HOLD,
            Role.INVITED,
            Role.INCOMING,
            Role.OUTGOING,
        ),
        _CONNECTED,
    ),
    CommandName.HOLD: dict.fromkeys((Role.LEAD, Role.COLLABORATOR), _CONNECTED),
    CommandName.TRANSFER: dict.fromkeys((Role.WAITING, Role.LEAD, Role.LEAD_ON_HOLD, Role.INCOMING), _CONNECTED),
    CommandName.INVITE: {Role.LEAD: _CONNECTED},
    CommandName.REMOVE: {Role.LEAD: _JOINED},
    CommandName.OFFER_LEAD: {Role.LEAD: _CONNECTED},
    CommandName.CANCEL_LEAD: {Role.LEAD: _CONNECTED},
    CommandName.ACCEPT_LEAD: {Role.COLLABORATOR: _CONNECTED},
    CommandName.REBOOT: dict.fromkeys((Role.WAITING, Role.LEAD, Role.COLLABORATOR, Role.OUTGOING), _CONNECTED),
    CommandName.CHAT: dict.fromkeys((Role.LEAD, Role.COLLABORATOR), _CONNECTED),
    # A note stays on the server: it needs no connection.
    CommandName.NOTE: dict.fromkeys(
        (Role.LEAD, Role.LEAD_ON_HOLD, Role.COLLABORATOR, Role.COLLABORATOR_ON_HOLD, Role.HELD_BY_LEAD), _JOINED
    ),
    CommandName.OPEN: dict.fromkeys((Role.LEAD, Role.COLLABORATOR), _CONNECTED),
    CommandName.CLOSE: dict.fromkeys((Role.LEAD, Role.COLLABORATOR), _CONNECTED),
    # The published table has no row in which technicians On Hold or invited remove their own entry.
    CommandName.END: {
        Role.WAITING: _ANY,
        Role.LEAD: _JOINED,
        Role.LEAD_ON_HOLD: _BROKEN,
        Role.INCOMING: _BROKEN,
        Role.OUTGOING: _BROKEN,
        Role.COLLABORATOR: _CONNECTED,
        Role.CLOSED: _ANY,
        Role.TIMED_OUT: _ANY,
    },
}


class SessionCommand(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A technician's command to one session."""

    technician: str
    session: str


class StartSession(SessionCommand, frozen=True, kw_only=True, gc=False):
    """Start session."""


class HoldSession(SessionCommand, frozen=True, kw_only=True, gc=False):
    """Hold session."""


class TransferSession(SessionCommand, frozen=True, kw_only=True, gc=False):
    """Transfer session. `target` is "technician:bob", "group:Network" or "channel:Web"."""

    target: str
    comment: str = ""


class InviteTechnician(SessionCommand, frozen=True, kw_only=True, gc=False):
    """Invite technician."""

    invited: str


class RemoveTechnician(SessionCommand, frozen=True, kw_only=True, gc=False):
    """Remove technician."""

    removed: str


class OfferLead(SessionCommand, frozen=True, kw_only=True, gc=False):
    """Give lead: offer the lead to a collaborator."""

    to: str


class CancelLeadOffer(SessionCommand, frozen=True, kw_only=True, gc=False):
    """Give lead: cancel the offer."""


class AcceptLead(SessionCommand, frozen=True, kw_only=True, gc=False):
    """Accept lead status."""


class RebootComputer(SessionCommand, frozen=True, kw_only=True, gc=False):
    """Reboot the customer's computer. `order` identifies this order."""

    order: str


class SendChatLine(SessionCommand, frozen=True, kw_only=True, gc=False):
    """Send a chat line to the customer and the other technicians."""

    text: str


class AddNote(SessionCommand, frozen=True, kw_only=True, gc=False):
    """Write a note about the session, for the technicians and the organization."""

    text: str


class OpenProcess(SessionCommand, frozen=True, kw_only=True, gc=False):
    """Open a process that prevents the idle time-out."""

    process: Process


class CloseProcess(SessionCommand, frozen=True, kw_only=True, gc=False):
    """Close a process that prevents the idle time-out."""

    process: Process


class EndSession(SessionCommand, frozen=True, kw_only=True, gc=False):
    """End session."""


AnyCommand = (
    StartSession | HoldSession | TransferSession | InviteTechnician | RemoveTechnician | OfferLead
    | CancelLeadOffer | AcceptLead | RebootComputer | SendChatLine | AddNote | OpenProcess | CloseProcess | EndSession
)  # fmt: skip
