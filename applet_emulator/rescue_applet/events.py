"""The events at the customer's side, which the computer passes to its listener.

Each event is one line of `rescue applet --json`; the field `event` is the class's tag. A front end (JSON lines, plain
lines, full screen) is a listener of these events.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct


class LinkState(StrEnum):
    """Whether the applet reaches the server, as the applet itself judges."""

    CONNECTED = "connected"
    LOST = "lost"


class CableState(StrEnum):
    """Whether the cable carries."""

    ON = "on"
    OFF = "off"


class ComputerEvent(Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True):
    """Something that happened."""


class AppletStarted(ComputerEvent, frozen=True, kw_only=True, tag="applet"):
    """The applet's process was started."""

    pid: int


class Terms(ComputerEvent, frozen=True, kw_only=True, tag="terms"):
    """The customer is asked to accept the terms."""

    text: str


class Joined(ComputerEvent, frozen=True, kw_only=True, tag="joined"):
    """The terms are settled: the technicians see the session."""

    session: str


class LinkChanged(ComputerEvent, frozen=True, kw_only=True, tag="link"):
    """The applet's link came or went."""

    state: LinkState


class CableChanged(ComputerEvent, frozen=True, kw_only=True, tag="cable"):
    """The cable was switched, or a fault began or ended; this is its state now.

    `faults` are the active faults, and a fault of one moment that was just applied; `seed` decides what is random
    about them, if anything is.
    """

    state: CableState
    faults: list[str] = []
    seed: int | None = None


class Rebooting(ComputerEvent, frozen=True, kw_only=True, tag="rebooting"):
    """The computer is down and will boot."""


class ChatLineReceived(ComputerEvent, frozen=True, kw_only=True, tag="chat", rename={"sender": "from"}):
    """A chat line. `sender` is a technician's name, or empty: then the customer wrote it."""

    sender: str
    text: str


class ChatLineUnsent(ComputerEvent, frozen=True, kw_only=True, tag="chat-unsent"):
    """The customer wrote a chat line that the server does not get now. When it has it, `ChatLineReceived` follows."""

    text: str


class CustomerView(ComputerEvent, frozen=True, kw_only=True, tag="view"):
    """What the customer sees of the session. `lead` is empty if nobody leads."""

    customer: str
    lead: str
    collaborators: list[str]
    on_hold: bool


class Ended(ComputerEvent, frozen=True, kw_only=True, tag="ended"):
    """The session is over for this applet, and why: a reason of the contract in kebab-case.

    Or `superseded` (another applet took the session over), `session-ended` (the server no longer knows why), `unknown`
    (a newer server's reason).
    """

    reason: str


class Error(ComputerEvent, frozen=True, kw_only=True, tag="error"):
    """Something could not be done. Of a call that failed, `code` and `reason` are the server's.

    `unsent` is the chat line that was refused.
    """

    message: str
    code: str = ""
    reason: str = ""
    unsent: str = ""


Event = (
    AppletStarted
    | Terms
    | Joined
    | LinkChanged
    | CableChanged
    | Rebooting
    | ChatLineReceived
    | ChatLineUnsent
    | CustomerView
    | Ended
    | Error
)
Listener = Callable[[Event], None]
