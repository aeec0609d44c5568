"""The records of a console: entries, updates, results of commands. They are plain data.

The client library returns these, never a protobuf message. Moments are emulated time, aware and in UTC; durations are
emulated time. Revisions count the events of the whole server: the revisions of one queue rise, with gaps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

CUSTOMER = "customer"


class Status(StrEnum):
    """What a technician's queue shows of a session; the value is the published English name.

    `UNKNOWN` is a status of a newer server, which this client has no name for.
    """

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
    UNKNOWN = "Unknown"

    @property
    def gone(self) -> bool:
        """Whether an entry with this status has left the queue."""
        return self in (Status.REMOVED, Status.REMOVED_TIMED_OUT)


class Process(StrEnum):
    """A process that prevents the idle time-out; the value is the word of the scripted console.

    `UNKNOWN` is a process of a newer server; it can be seen, but neither opened nor closed.
    """

    REMOTE_CONTROL = "remote-control"
    SCREEN_SHARING = "screen-sharing"
    FILE_MANAGER = "file-manager"
    FILE_TRANSFER = "file-transfer"
    SAVE_DIALOG = "save-dialog"
    CALLING_CARD = "calling-card"
    UNKNOWN = "unknown"


KNOWN_PROCESSES = tuple(process for process in Process if process is not Process.UNKNOWN)
"""The processes that can be opened and closed."""


class TargetKind(StrEnum):
    """The kind of a transfer's target."""

    TECHNICIAN = "technician"
    GROUP = "group"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The target of a transfer."""

    kind: TargetKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """A technician who takes part in a session; `status` is what this technician's own queue shows."""

    technician: str
    status: Status
    lead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a technician's queue. Texts are empty, and other fields None, if they do not apply.

    `allowed` names the commands that the status allows, in the words of the scripted console. `due_at` is when the
    entry times out or leaves the queue if nothing happens; `due_by` is the setting that this comes from.
    """

    session: str
    status: Status
    customer: str = ""
    channel: str = ""
    pin: str = ""
    created_at: datetime | None = None
    since: datetime | None = None
    joined_at: datetime | None = None
    participants: tuple[Participant, ...] = ()
    comment: str = ""
    introduced_by: str = ""
    lead_offered_to: str = ""
    processes: tuple[Process, ...] = ()
    allowed: tuple[str, ...] = ()
    due_at: datetime | None = None
    due_by: str = ""

    @property
    def lead(self) -> str:
        """The technician who leads the session; empty if nobody does."""
        return next((who.technician for who in self.participants if who.lead), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why something changed: an English sentence, and the facts in it.

    `about` is the target: a name, a process, or for a transfer "technician:NAME", "group:NAME" or "channel:NAME".
    """

    text: str
    event: str = ""
    technician: str = ""
    about: str = ""
    setting: str = ""
    setting_value: timedelta | None = None
    code: str = ""
    facts: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """One change of status in a technician's queue. `previous` and `row` are None for a new entry.

    `seen` is False if the status comes from a snapshot: then the cause and the revision of the change are unknown.
    """

    at: datetime
    status: Status
    revision: int = -1
    previous: Status | None = None
    row: int | None = None
    cause: Cause | None = None
    seen: bool = True


# -- updates of a watch ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The whole queue; it replaces everything before.

    `compacted` is True if it comes instead of changes that the server no longer had. `history` names the history that
    this and all later revisions belong to; after a restored backup it is another one.
    """

    revision: int
    at: datetime
    entries: tuple[Entry, ...]
    compacted: bool = False
    history: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryChanged:
    """The status changed, or the entry is new (`previous` and `row` are None) or left (`entry.status.gone`)."""

    revision: int
    at: datetime
    cause: Cause
    entry: Entry
    previous: Status | None
    row: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDetails:
    """Something other than the status changed; `entry` is the entry after it."""

    revision: int
    at: datetime
    cause: Cause
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatReceived:
    """A chat line; `sender` is a technician, or empty if the customer wrote it.

    `entry` is the entry after it: the line may have restarted its idle clock.
    """

    revision: int
    at: datetime
    session: str
    sender: str
    text: str
    entry: Entry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionHistory:
    """All changes of one entry, and its chat, up to a revision; both oldest first."""

    revision: int
    changes: tuple[StatusChange, ...]
    chat: tuple[ChatReceived, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleAlarm:
    """The entry times out at `due_at` if nothing happens in it."""

    revision: int
    at: datetime
    cause: Cause
    session: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadOfferReceived:
    """`sender` offers this technician the lead; `entry` is the entry after it."""

    revision: int
    at: datetime
    cause: Cause
    session: str
    sender: str
    entry: Entry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownUpdate:
    """An update of a kind that only a newer client knows. `cause` is why it happened, if the server says so."""

    revision: int
    at: datetime
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """Nothing else of this queue changed up to this revision."""

    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLost:
    """The watch lost the server. It resumes by itself after the last revision."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerBack:
    """The watch has the server again."""


Delta = EntryChanged | EntryDetails | ChatReceived | IdleAlarm | LeadOfferReceived | UnknownUpdate
Update = Snapshot | Delta | Bookmark | ServerLost | ServerBack


# -- results of commands ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The command was executed; `revision` is that of its effect."""

    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PinCreated:
    """A new session and its PIN, which is valid for `valid_for`."""

    revision: int
    session: str
    pin: str
    valid_for: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred:
    """The session was transferred; `incoming` names the technicians who have an Incoming entry now."""

    revision: int
    incoming: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueListing:
    """The queue at a revision."""

    revision: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """A technician as other technicians see them; `connected` is True if one of their consoles is connected."""

    name: str
    group: str
    connected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """The names that a transfer or an invitation can use."""

    technicians: tuple[Colleague, ...]
    groups: tuple[str, ...]
    channels: tuple[str, ...]


Answer = Done | PinCreated | Transferred | QueueListing
