"""What a console knows, as plain data: entries, updates, answers.

These are the only shapes that leave `client`; no protobuf message does. Points in time are emulated time,
aware and in UTC; durations are emulated time. Revisions count what happens on the whole server, so they rise
but have gaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

CUSTOMER = "customer"


class Status(StrEnum):
    """What a technician sees of a session, by the published English name."""

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

    @property
    def gone(self) -> bool:
        """True if an entry with this status is no longer in the queue."""
        return self in (Status.REMOVED, Status.REMOVED_TIMED_OUT)


class Process(StrEnum):
    """What a technician can have open that prevents the idle time-out, as it is typed."""

    REMOTE_CONTROL = "remote-control"
    SCREEN_SHARING = "screen-sharing"
    FILE_MANAGER = "file-manager"
    FILE_TRANSFER = "file-transfer"
    SAVE_DIALOG = "save-dialog"
    CALLING_CARD = "calling-card"


class TargetKind(StrEnum):
    """What a session can be transferred to."""

    TECHNICIAN = "technician"
    GROUP = "group"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whom a session is transferred to."""

    kind: TargetKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """A technician who takes part in a session; `status` is what his own queue shows."""

    technician: str
    status: Status
    lead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the technician's queue. Texts are empty, times None, where there is nothing to say.

    `allowed` names the commands that the server would carry out now, in the words of the scripted console;
    `due_at` is when the entry times out or leaves the queue if nothing happens, by the setting `due_by`.
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
        """The technician who answers for the session; empty if nobody does."""
        return next((who.technician for who in self.participants if who.lead), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why something changed: a readable English sentence and what it is made of.

    `about` is whom or what it was done to: a name, a process, or for a transfer "technician:NAME" and the like.
    """

    text: str
    event: str = ""
    technician: str = ""
    about: str = ""
    setting: str = ""
    setting_value: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of status in a technician's queue. `previous` and `row` are None for a new entry.

    `seen` is False if the console only found the status when it listed the queue: no cause, no revision.
    """

    at: datetime
    status: Status
    revision: int = -1
    previous: Status | None = None
    row: int | None = None
    cause: Cause | None = None
    seen: bool = True


# -- updates: what a watch delivers ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The whole queue; replaces what was known.

    `compacted` is True if it stands for changes that the server no longer had one by one.
    """

    revision: int
    at: datetime
    entries: tuple[Entry, ...]
    compacted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryChanged:
    """The status changed, or the entry is new (`previous` and `row` None) or gone (`entry.status.gone`)."""

    revision: int
    at: datetime
    cause: Cause
    entry: Entry
    previous: Status | None
    row: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDetails:
    """Something else than the status changed; `entry` is how it is now."""

    revision: int
    at: datetime
    cause: Cause
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatReceived:
    """A chat line; `sender` is a technician, or empty if the customer wrote it.

    `entry` is the entry after it: the line may have started its idle clock anew.
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
    changes: tuple[Change, ...]
    chat: tuple[ChatReceived, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleAlarm:
    """The entry times out at `due_at` if nobody does anything."""

    revision: int
    at: datetime
    cause: Cause
    session: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadOffered:
    """`sender` offers this technician the lead; `entry` is how it is now."""

    revision: int
    at: datetime
    cause: Cause
    session: str
    sender: str
    entry: Entry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """Nothing else of this queue changed up to this revision."""

    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLost:
    """The watch broke; it comes back by itself and goes on after the last revision."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerBack:
    """The watch goes on."""


Delta = EntryChanged | EntryDetails | ChatReceived | IdleAlarm | LeadOffered
Update = Snapshot | Delta | Bookmark | ServerLost | ServerBack


# -- answers: what a command returns ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Carried out; `revision` is that of its effect."""

    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PinCreated:
    """A new session and the PIN that leads to it, good for `valid_for`."""

    revision: int
    session: str
    pin: str
    valid_for: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred:
    """`incoming` names those who have an Incoming entry now."""

    revision: int
    incoming: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueListing:
    """The queue as of a revision."""

    revision: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """A technician as the others see him; `connected` if a console of his is."""

    name: str
    group: str
    connected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Who and what can be named in a transfer or an invitation."""

    technicians: tuple[Colleague, ...]
    groups: tuple[str, ...]
    channels: tuple[str, ...]


Answer = Done | PinCreated | Transferred | QueueListing
