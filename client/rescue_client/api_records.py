"""The records of the public API's facts: the organization with node ids, sessions, reports. They are plain data.

The client of the public API (`rescue_client.api`) returns these. Moments are emulated time, aware and in UTC;
durations are emulated time. Texts are empty, and other fields None, if they do not apply.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

CUSTOM_FIELDS = 6
"""A session has custom fields 0 to 5; field 0 is the customer's name."""


class PersonKind(StrEnum):
    """Technicians have a queue; administrators have none."""

    TECHNICIAN = "technician"
    ADMINISTRATOR = "administrator"


class Role(StrEnum):
    """A technician's part in a session. Of an entry that left its queue: the last one."""

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


class Link(StrEnum):
    """The state of the connection to the applet."""

    AWAITING = "awaiting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    OFFLINE = "offline"
    REBOOTING = "rebooting"


class End(StrEnum):
    """Why a session is over."""

    ENDED_BY_TECHNICIAN = "ended by a technician"
    CLOSED_BY_CUSTOMER = "closed by the customer"
    TERMS_DECLINED = "terms declined"
    IDLE_TIMEOUT = "active session idle time-out"
    WAITING_TIMEOUT = "waiting time-out"
    CONNECTING_TIMEOUT = "connecting time-out"


class Left(StrEnum):
    """How an entry left its queue; other ways leave no trace in the facts."""

    ENDED = "the session ended"
    PICKED_UP = "a transfer that was picked up"
    DISMISSED = "End on an entry that was closed or timed out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A technician or administrator. `connected`: a console of this technician is connected."""

    node: int
    name: str
    kind: PersonKind
    email: str
    ssoid: str
    nick: str = ""
    description: str = ""
    enabled: bool = True
    group: str = ""
    connected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupNode:
    """A technician group. `permissions` and `locked_permissions` are kept and given back; they guard nothing."""

    node: int
    name: str
    description: str = ""
    enabled: bool = True
    permissions: str = ""
    locked_permissions: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelNode:
    """A channel, and the names of the technician groups that serve it."""

    node: int
    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The whole organization. Node ids are never reused.

    `credentials`: who holds an authcode or API token, by the SHA-256 of the code in hexadecimal digits; those of people
    who were deleted are there too. `field_labels` are the labels of the custom fields 0 to 5 in reports.
    """

    id: int
    name: str
    people: tuple[Person, ...]
    groups: tuple[GroupNode, ...]
    channels: tuple[ChannelNode, ...]
    root: int = 0
    masteradministrators: int = 0
    administrators: int = 0
    technicians: int = 0
    credentials: Mapping[str, str] = field(default_factory=dict)
    field_labels: tuple[str, ...] = ("Name", *(f"Custom field {number}" for number in range(1, CUSTOM_FIELDS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEntryFacts:
    """One technician's part in a session, also after it left the queue in one of the ways of `Left`.

    `since`: when the status of the entry last changed. `role` is the role before the end if the session is over.
    """

    technician: str
    role: Role
    since: datetime
    left: Left | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """A session that lives, is shown in a queue, or ended less than an hour ago. `started_at` is the first Active."""

    id: int
    created_at: datetime
    link: Link
    link_since: datetime
    channel: str = ""
    fields: tuple[str, ...] = ("",) * CUSTOM_FIELDS
    tracking: str = ""
    language: str = "en"
    started_at: datetime | None = None
    joined_at: datetime | None = None
    entries: tuple[SessionEntryFacts, ...] = ()
    transferred_to: str = ""
    transfer_comment: str = ""
    lead_offered_to: str = ""
    ended_at: datetime | None = None
    end: End | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFacts:
    """One transfer. `target` is "technician:NAME", "group:NAME" or "channel:NAME"; `to` picked it up, or is empty."""

    at: datetime
    by: str
    by_group: str
    target: str
    to: str = ""
    to_group: str = ""
    comment: str = ""
    waiting: timedelta = timedelta()
    in_transfer: timedelta = timedelta()
    api_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedSession:
    """What reports tell of a session that is over; as it was at its end, also of people who were renamed or deleted.

    `technician` led last. `last_role` is that technician's role just before the end (waiting if nobody led). `tools`
    are the processes and reboots in order of first use: remote-control, screen-sharing, file-manager, file-transfer,
    calling-card, reboot. `chat_log` and `notes` are filled only if they were asked for.
    """

    id: int
    created_at: datetime
    ended_at: datetime
    end: End
    joined_at: datetime | None = None
    started_at: datetime | None = None
    last_action_at: datetime | None = None
    technician: str = ""
    technician_node: int = 0
    technician_email: str = ""
    group: str = ""
    last_role: Role = Role.WAITING
    channel: str = ""
    channel_node: int = 0
    fields: tuple[str, ...] = ("",) * CUSTOM_FIELDS
    tracking: str = ""
    customer_ip: str = ""
    platform: str = ""
    tools: tuple[str, ...] = ()
    connecting: timedelta = timedelta()
    waiting: timedelta = timedelta()
    active: timedelta = timedelta()
    work: timedelta = timedelta()
    hold: timedelta = timedelta()
    transfer: timedelta = timedelta()
    rebooting: timedelta = timedelta()
    reconnecting: timedelta = timedelta()
    transfers: tuple[TransferFacts, ...] = ()
    chat_log: str = ""
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsolePresence:
    """From the first console of a technician to the last one's end; `until` is None while one is connected."""

    technician: str
    node: int
    email: str
    group: str
    since: datetime
    until: datetime | None = None
    ip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a request is answered from: everything at one revision, and the emulated time."""

    revision: int
    now: datetime
    account: Account
    sessions: Mapping[int, SessionFacts]
