"""What can be asked of a session, and in which role and on which link each command is possible.

`ALLOWED` is the whole rule of who may do what when; `decide` refuses what is not in it. The names are those of the
scripted console.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rescue_server.core.events import Process
from rescue_server.core.status import Link, Role


class Command(StrEnum):
    """The commands, in the words of the scripted console."""

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
    OPEN = "open"
    CLOSE = "close"
    END = "end"


_CONNECTED = frozenset({Link.CONNECTED})
_BROKEN = frozenset({Link.RECONNECTING, Link.OFFLINE, Link.REBOOTING})
_JOINED = _CONNECTED | _BROKEN
_ANY = _JOINED | {Link.AWAITING}

ALLOWED: dict[Command, dict[Role, frozenset[Link]]] = {
    Command.START: dict.fromkeys(
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
    Command.HOLD: dict.fromkeys((Role.LEAD, Role.COLLABORATOR), _CONNECTED),
    Command.TRANSFER: dict.fromkeys((Role.WAITING, Role.LEAD, Role.LEAD_ON_HOLD, Role.INCOMING), _CONNECTED),
    Command.INVITE: {Role.LEAD: _CONNECTED},
    Command.REMOVE: {Role.LEAD: _JOINED},
    Command.OFFER_LEAD: {Role.LEAD: _CONNECTED},
    Command.CANCEL_LEAD: {Role.LEAD: _CONNECTED},
    Command.ACCEPT_LEAD: {Role.COLLABORATOR: _CONNECTED},
    Command.REBOOT: dict.fromkeys((Role.WAITING, Role.LEAD, Role.COLLABORATOR, Role.OUTGOING), _CONNECTED),
    Command.CHAT: dict.fromkeys((Role.LEAD, Role.COLLABORATOR), _CONNECTED),
    Command.OPEN: dict.fromkeys((Role.LEAD, Role.COLLABORATOR), _CONNECTED),
    Command.CLOSE: dict.fromkeys((Role.LEAD, Role.COLLABORATOR), _CONNECTED),
    # On Hold and Invitation have no published way to Removed by one's own hand; see the table.
    Command.END: {
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCommand:
    """A technician's command to one session."""

    technician: str
    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(SessionCommand):
    """Start session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(SessionCommand):
    """Hold session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(SessionCommand):
    """Transfer session. `target` is "technician:bob", "group:Network" or "channel:Web"."""

    target: str
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite(SessionCommand):
    """Invite technician."""

    invited: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove(SessionCommand):
    """Remove technician."""

    removed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferLead(SessionCommand):
    """Give lead: the offer."""

    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelLead(SessionCommand):
    """Give lead: take the offer back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptLead(SessionCommand):
    """Accept lead status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reboot(SessionCommand):
    """Reboot the customer's computer. `order` identifies this order."""

    order: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat(SessionCommand):
    """A chat line."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenProcess(SessionCommand):
    """Open a process that prevents the idle time-out."""

    process: Process


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseProcess(SessionCommand):
    """Close it."""

    process: Process


@dataclass(frozen=True, slots=True, kw_only=True)
class End(SessionCommand):
    """End session."""


AnyCommand = (
    Start | Hold | Transfer | Invite | Remove | OfferLead | CancelLead | AcceptLead | Reboot | Chat
    | OpenProcess | CloseProcess | End
)  # fmt: skip
