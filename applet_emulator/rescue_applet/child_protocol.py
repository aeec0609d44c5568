"""The messages between the computer and its applet over the applet's pipes: one JSON object a line.

The computer writes orders to the applet's stdin. The applet writes news to its stdout. Much of the news is an event
that is shown to people; the rest is for the computer only.
"""

from __future__ import annotations

import msgspec

from rescue_applet.events import (
    ChatLineReceived,
    ChatLineUnsent,
    ComputerEvent,
    CustomerView,
    Ended,
    Error,
    Joined,
    LinkChanged,
    Terms,
)

LONGEST_LINE = 16 * 1024 * 1024  # bytes


class Order(msgspec.Struct, frozen=True, kw_only=True, tag_field="order"):
    """The computer's orders to the applet."""


class SpeedChanged(Order, frozen=True, kw_only=True, tag="pace"):
    """The clock's speed changed: emulated seconds in a real one, 0 while it stands still."""

    speed: float


class GiveAnswer(Order, frozen=True, kw_only=True, tag="answer"):
    """The customer answered the terms."""

    accepted: bool


class SendChat(Order, frozen=True, kw_only=True, tag="chat"):
    """The customer wrote a chat line."""

    text: str


class Close(Order, frozen=True, kw_only=True, tag="close"):
    """The customer closes the applet."""


class GoDown(Order, frozen=True, kw_only=True, tag="go-down"):
    """The computer reboots: report it and exit. `order_id` is empty if the customer reboots it."""

    order_id: str


class CheckReach(Order, frozen=True, kw_only=True, tag="probe"):
    """The cable carries again: find out whether the server receives the applet's messages; answer `Reached`."""


class TicketKept(ComputerEvent, frozen=True, kw_only=True, tag="ticket"):
    """The session's ticket is on disk."""

    session: str
    ticket: str


class RebootRequested(ComputerEvent, frozen=True, kw_only=True, tag="reboot-ordered"):
    """A technician ordered a reboot."""

    order_id: str
    technician: str


class WentDown(ComputerEvent, frozen=True, kw_only=True, tag="went-down"):
    """The applet has sent what it could and exits, because the computer reboots."""


class Unreachable(ComputerEvent, frozen=True, kw_only=True, tag="unreachable"):
    """The session cannot be requested at the moment; the applet tries again. `leader` is the server to ask instead."""

    message: str
    leader: str = ""


class ConnectionLost(ComputerEvent, frozen=True, kw_only=True, tag="connection-lost"):
    """The connection to the server was lost or refused; the applet dials again. `leader` is the server to dial."""

    leader: str = ""


class Reached(ComputerEvent, frozen=True, kw_only=True, tag="reached"):
    """The server has answered a message that was sent after the last `CheckReach`."""


class Failed(ComputerEvent, frozen=True, kw_only=True, tag="failed"):
    """The server refused the applet for good; it exits."""

    code: str
    reason: str
    message: str


Orders = SpeedChanged | GiveAnswer | SendChat | Close | GoDown | CheckReach
News = (
    TicketKept
    | RebootRequested
    | WentDown
    | Unreachable
    | ConnectionLost
    | Reached
    | Failed
    | Terms
    | Joined
    | LinkChanged
    | ChatLineReceived
    | ChatLineUnsent
    | CustomerView
    | Ended
    | Error
)

_orders: msgspec.json.Decoder[Orders] = msgspec.json.Decoder(Orders)
_news: msgspec.json.Decoder[News] = msgspec.json.Decoder(News)


def encode(line: Orders | ComputerEvent) -> bytes:
    """Return the line, with its line break."""
    return msgspec.json.encode(line) + b"\n"


def read_order(line: bytes) -> Orders:
    """Return the order that a line holds. Raises msgspec.DecodeError."""
    return _orders.decode(line)


def read_news(line: bytes) -> News:
    """Return the news that a line holds. Raises msgspec.DecodeError."""
    return _news.decode(line)
