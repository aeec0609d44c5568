"""The events of sessions. They are immutable, named in the past tense, and stored as JSON with a type tag.

A field that is added later needs a default, so that old journals can still be read. The meaning of a field never
changes. `at` is emulated time in UTC. `technician` is who gave the command.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from rescue_server.core.posting import PostKind


class Process(StrEnum):
    """What prevents the active session idle time-out while it is open (row 9)."""

    REMOTE_CONTROL = "remote-control"
    SCREEN_SHARING = "screen-sharing"
    FILE_MANAGER = "file-manager"
    FILE_TRANSFER = "file-transfer"
    SAVE_DIALOG = "save-dialog"
    CALLING_CARD = "calling-card"


class AppletComputer(msgspec.Struct, frozen=True, kw_only=True):
    """The computer with the applet: the address that the server sees, the applet's language, the system."""

    address: str = ""
    language: str = "en"
    platform: str = "Windows"


class SessionEvent(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Something that happened to one session. `by` is who had it done through the public API, empty otherwise.

    What has its default is not stored: most fields of most events have theirs, and the journal is written for ever.
    """

    session: str
    at: datetime
    by: str = ""


class Activity(SessionEvent, frozen=True, kw_only=True, tag=True):
    """Something done in a session: it restarts the idle clock of `technician`, or everybody's if the customer did it.

    An event that restarts an idle clock is a subclass of this; no other list has to name it.
    """

    technician: str  # empty for the customer


class SessionCreated(SessionEvent, frozen=True, kw_only=True, tag=True):
    """A technician created it with a PIN, or an applet through a channel (then `ticket_hash` is set).

    `fields` are custom fields 1 to 5; the customer's name is custom field 0.
    """

    owner: str  # whose settings apply: "group:NAME" or "channel:NAME"
    technician: str = ""
    pin: str = ""
    channel: str = ""
    ticket_hash: str = ""
    customer: str = ""
    fields: tuple[str, ...] = ()
    tracking: str = ""
    computer: AppletComputer = AppletComputer()
    entries: tuple[str, ...]
    focused: tuple[str, ...] = ()


class PinRedeemed(SessionEvent, frozen=True, kw_only=True, tag=True):
    """The PIN is spent; the terms may still have to be accepted."""

    ticket_hash: str
    customer: str = ""
    computer: AppletComputer = AppletComputer()


class TermsDeclined(SessionEvent, frozen=True, kw_only=True, tag=True):
    """The session stays Connecting until its time-out."""


class AppletJoined(SessionEvent, frozen=True, kw_only=True, tag=True):
    """The customer accepted the terms, or there are none."""


class SessionStarted(Activity, frozen=True, kw_only=True, tag=True):
    """Start session. What that means depends on the technician's role.

    `reset_by`, here and in other events: the administrator whose reset did it, in the place of the technician.
    """

    reset_by: str = ""


class SessionHeld(Activity, frozen=True, kw_only=True, tag=True):
    """Hold session. The lead holds it for all, a collaborator only their own entry."""


class SessionTransferred(Activity, frozen=True, kw_only=True, tag=True):
    """The technician chose `target`, for example "group:Network"; `targets` are its technicians."""

    target: str
    targets: tuple[str, ...]
    comment: str = ""
    focused: tuple[str, ...] = ()


class TechnicianInvited(Activity, frozen=True, kw_only=True, tag=True):
    """An invitation to collaborate."""

    invited: str
    focused: bool = False


class TechnicianRemoved(Activity, frozen=True, kw_only=True, tag=True):
    """The lead removed an invited or collaborating technician."""

    removed: str


class LeadOffered(Activity, frozen=True, kw_only=True, tag=True):
    """The lead offers the lead status."""

    to: str


class LeadOfferCancelled(Activity, frozen=True, kw_only=True, tag=True):
    """The lead cancels the offer."""


class LeadAccepted(Activity, frozen=True, kw_only=True, tag=True):
    """The collaborator to whom the lead was offered is the lead now."""


class RebootOrdered(Activity, frozen=True, kw_only=True, tag=True):
    """The server sends the order to the applet. A second order before the reboot changes nothing."""

    order: str


class ChatSent(Activity, frozen=True, kw_only=True, tag=True):
    """A chat line; by the customer if `technician` is empty."""

    technician: str = ""
    text: str


class NoteAdded(Activity, frozen=True, kw_only=True, tag=True):
    """The technician wrote a note about the session; the customer does not see it."""

    text: str


class ProcessOpened(Activity, frozen=True, kw_only=True, tag=True):
    """The technician opened something that prevents the idle time-out."""

    process: Process


class ProcessClosed(Activity, frozen=True, kw_only=True, tag=True):
    """The technician closed that process."""

    process: Process


class SessionEnded(SessionEvent, frozen=True, kw_only=True, tag=True):
    """A technician ended the session for all."""

    technician: str
    reset_by: str = ""


class CollaboratorLeft(SessionEvent, frozen=True, kw_only=True, tag=True):
    """A collaborator left; the session goes on."""

    technician: str


class EntryDismissed(SessionEvent, frozen=True, kw_only=True, tag=True):
    """A technician removed a Closed or Timed Out entry from their queue."""

    technician: str
    reset_by: str = ""


class AppletClosed(SessionEvent, frozen=True, kw_only=True, tag=True):
    """The customer closed the applet."""


class RebootBegan(SessionEvent, frozen=True, kw_only=True, tag=True):
    """The computer reboots. `technician` is who ordered it, empty if the customer started it."""

    technician: str = ""


class LinkLost(SessionEvent, frozen=True, kw_only=True, tag=True):
    """No heartbeat for the reconnect period."""

    period: timedelta


class LinkOffline(SessionEvent, frozen=True, kw_only=True, tag=True):
    """No heartbeat for the offline period after that."""

    period: timedelta


class LinkRestored(SessionEvent, frozen=True, kw_only=True, tag=True):
    """The applet is back."""


class ConnectingTimedOut(SessionEvent, frozen=True, kw_only=True, tag=True):
    """The customer did not join in time."""

    period: timedelta


class WaitingTimedOut(SessionEvent, frozen=True, kw_only=True, tag=True):
    """Nobody started the session in time."""

    period: timedelta


class IdleTimedOut(SessionEvent, frozen=True, kw_only=True, tag=True):
    """`technician` gave no command for the active session idle time-out."""

    technician: str
    period: timedelta


class IdleAlarmRaised(SessionEvent, frozen=True, kw_only=True, tag=True):
    """`technician` will time out at `due` if nothing happens."""

    technician: str
    due: datetime


class FocusChanged(SessionEvent, frozen=True, kw_only=True, tag=True):
    """The technician's consoles gained or lost the focus."""

    technician: str
    focused: bool


class PostDue(SessionEvent, frozen=True, kw_only=True, tag=True):
    """The session is to be posted for `group`, naming its lead. `delivery` is the id of the post, at each attempt.

    `node` is the lead's node id: a name can change until the post is sent.
    """

    delivery: str
    kind: PostKind
    technician: str
    group: str
    node: int = 0


class PostSent(SessionEvent, frozen=True, kw_only=True, tag=True):
    """The receiver took a post: it answered with an HTTP status of success. `url` has no password and no query."""

    delivery: str
    kind: PostKind
    url: str
    attempt: int
    status: int


class PostFailed(SessionEvent, frozen=True, kw_only=True, tag=True):
    """An attempt failed: `status` is what the receiver answered, `reason` why there was no answer.

    The one at once after a start of the server is extra: it brings the post no nearer to being given up.
    """

    delivery: str
    kind: PostKind
    url: str
    attempt: int
    status: int = 0
    reason: str = ""
    extra: bool = False


class PostGivenUp(SessionEvent, frozen=True, kw_only=True, tag=True):
    """The last attempt failed, or no further one is possible for a reason: the post is not sent by itself any more."""

    delivery: str
    kind: PostKind
    url: str
    attempt: int
    reason: str = ""


class PostRetried(SessionEvent, frozen=True, kw_only=True, tag=True):
    """An administrator had a post sent at once, as often as a new one if need be."""

    delivery: str
    kind: PostKind
    administrator: str


AnySessionEvent = (
    SessionCreated | PinRedeemed | TermsDeclined | AppletJoined | SessionStarted | SessionHeld
    | SessionTransferred | TechnicianInvited | TechnicianRemoved | LeadOffered | LeadOfferCancelled
    | LeadAccepted | RebootOrdered | ChatSent | NoteAdded | ProcessOpened | ProcessClosed | SessionEnded
    | CollaboratorLeft | EntryDismissed | AppletClosed | RebootBegan | LinkLost | LinkOffline
    | LinkRestored | ConnectingTimedOut | WaitingTimedOut | IdleTimedOut | IdleAlarmRaised | FocusChanged
    | PostDue | PostSent | PostFailed | PostGivenUp | PostRetried
)  # fmt: skip
