"""The records of the public API's facts: the organization with node ids, and sessions. They are plain data.

`rescue_client.api` returns these. Moments are emulated time, aware and in UTC. Texts are empty, and other fields None,
if they do not apply.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class EntryRole(StrEnum):
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


class AppletLink(StrEnum):
    """The state of the connection to the applet."""

    AWAITING = "awaiting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    OFFLINE = "offline"
    REBOOTING = "rebooting"


class SessionEnd(StrEnum):
    """Why a session is over."""

    ENDED_BY_TECHNICIAN = "ended by a technician"
    CLOSED_BY_CUSTOMER = "closed by the customer"
    TERMS_DECLINED = "terms declined"
    IDLE_TIMEOUT = "active session idle time-out"
    WAITING_TIMEOUT = "waiting time-out"
    CONNECTING_TIMEOUT = "connecting time-out"


class EntryLeft(StrEnum):
    """How an entry left its queue; other ways leave no trace in the facts."""

    ENDED = "the session ended"
    PICKED_UP = "a transfer that was picked up"
    DISMISSED = "End on an entry that was closed or timed out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A technician or administrator; administrators have no group. Sessions may know them by a former name."""

    node: int
    name: str
    group: str = ""
    email: str = ""
    sso_id: str = ""
    nick: str = ""
    description: str = ""
    enabled: bool = True
    former_names: tuple[str, ...] = ()

    @property
    def is_technician(self) -> bool:
        """Technicians have a queue; administrators have none."""
        return bool(self.group)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupNode:
    """A technician group. Permissions are separated by commas."""

    node: int
    name: str
    description: str = ""
    permissions: str = ""
    locked_permissions: str = ""
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelNode:
    """A channel, and the names of the technician groups that serve it."""

    node: int
    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The whole organization; each kind is sorted by node id. No id is ever given out again.

    `authcodes`: who holds a code or API token, by its SHA-256 in hexadecimal digits, also of people who were removed.
    `field_labels` name the custom fields 0 to 5 in reports. `report_settings` are in JSON by name, by the same hash.
    """

    people: tuple[Person, ...]
    groups: tuple[GroupNode, ...]
    channels: tuple[ChannelNode, ...]
    authcodes: Mapping[str, str]
    account_id: int = 0
    organization_name: str = ""
    field_labels: tuple[str, ...] = ()
    report_settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFacts:
    """One technician's part in a session, also after it left the queue in one of the ways of `EntryLeft`.

    `since`: when the status of the entry last changed. `role` is the role before the end if the session is over.
    """

    technician: str
    role: EntryRole
    since: datetime
    left: EntryLeft | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFacts:
    """A session that goes on, is shown in a queue, or ended less than an hour ago. `started_at` is the first Active."""

    id: int
    created_at: datetime
    link: AppletLink
    channel: str = ""
    fields: tuple[str, ...] = ()
    started_at: datetime | None = None
    entries: tuple[EntryFacts, ...] = ()
    transferred_to: str = ""
    transfer_comment: str = ""
    lead_offered_to: str = ""
    in_queue: bool = True
    language: str = "en"
    ended_at: datetime | None = None
    end: SessionEnd | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a request is answered from: everything at one revision, the emulated time, and whose console is there.

    `last_session` is the highest number that a session ever had. `faulted` are the methods that fault rules are about,
    in small letters.
    """

    revision: int
    now: datetime
    connected: frozenset[str]
    last_session: int
    account: Account
    sessions: tuple[SessionFacts, ...]
    faulted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class HandledRequest:
    """A request that was answered with a word, or with an HTTP status ("HTTP 404"); `seconds` are real.

    `method` is empty if there is no such method, `user` if it is not known who called.
    """

    method: str
    is_soap: bool
    word: str
    user: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFault:
    """What a fault rule does to one call: it fails with a word or an HTTP status, or its answer is cut."""

    word: str = ""
    status: int = 0
    is_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAndNotes:
    """What was said and noted in a session, and which technicians take or took part in it."""

    chat: str
    notes: str
    participants: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimesSpent:
    """What a session's time was spent on. Work is a part of active."""

    connecting: timedelta
    waiting: timedelta
    active: timedelta
    work: timedelta
    hold: timedelta
    transfer: timedelta
    rebooting: timedelta
    reconnecting: timedelta

    @property
    def total(self) -> timedelta:
        """The time from the first Active on."""
        return self.active + self.hold + self.transfer + self.rebooting + self.reconnecting


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFacts:
    """One transfer, from `source` to `target`, such as "channel:Web" and "group:Network"."""

    at: datetime
    technician: str
    source: str
    target: str
    comment: str
    waited: timedelta
    picked_up_by: str
    lasted: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedSession:
    """A session that is over. `lead` led last; `last_role` is that of the leading entry just before the end.

    `chat`, `notes` and `participants` are empty unless they were asked for.
    """

    id: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime
    end: SessionEnd
    last_role: EntryRole
    dismissed: bool
    joined: bool
    creator: str
    lead: str
    channel: str
    fields: tuple[str, ...]
    tracking: str
    address: str
    platform: str
    last_action_at: datetime | None
    tools: tuple[str, ...]
    spent: TimesSpent
    transfers: tuple[TransferFacts, ...]
    chat: str = ""
    notes: str = ""
    participants: frozenset[str] = frozenset()

    @property
    def began_at(self) -> datetime:
        """When it first was Active; if it never was, when it was created."""
        return self.started_at or self.created_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleTime:
    """The time in which a technician had a console connected; it goes on without `until`."""

    technician: str
    address: str
    since: datetime
    until: datetime | None
