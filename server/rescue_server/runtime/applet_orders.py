"""The orders that the server sends to an applet, and which of them follow from an event."""

from __future__ import annotations

from dataclasses import dataclass

from rescue_protos.errors import RescueError
from rescue_server.core import events
from rescue_server.core.session import Session
from rescue_server.core.status import COLLABORATORS, Role
from rescue_server.runtime.state import AppliedEvent


@dataclass(frozen=True, slots=True)
class Probe:
    """The applet must answer now."""

    number: int


@dataclass(frozen=True, slots=True)
class RebootNow:
    """Reboot the computer."""

    order: str
    technician: str


@dataclass(frozen=True, slots=True)
class ChatShown:
    """A chat line for the customer's window."""

    technician: str
    text: str
    revision: int


@dataclass(frozen=True, slots=True)
class ViewChanged:
    """The session looks different to the customer."""


@dataclass(frozen=True, slots=True)
class SessionOver:
    """The session ended. Nothing follows."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A newer attachment has this one's place. Nothing follows."""


@dataclass(frozen=True, slots=True)
class HeartbeatAnswered:
    """Answers a heartbeat."""

    number: int


@dataclass(frozen=True, slots=True)
class ReportAnswered:
    """Answers a report; `refusal` says why it could not be stored for good."""

    request_id: str
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The link was lost: the applet must not carry out orders that are still on their way. Nothing follows."""


@dataclass(frozen=True, slots=True)
class ServerLeaves:
    """The server shuts down. Nothing follows."""


@dataclass(frozen=True, slots=True)
class Relayed:
    """A message of the leader, for an applet that is attached at another server."""

    message: object


@dataclass(frozen=True, slots=True)
class StreamFails:
    """The leader refuses the attachment. Nothing follows."""

    error: RescueError


Order = (
    HeartbeatAnswered
    | ReportAnswered
    | GivenUp
    | ServerLeaves
    | Probe
    | RebootNow
    | ChatShown
    | ViewChanged
    | SessionOver
    | TakenOver
    | Relayed
    | StreamFails
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """What the customer sees of the session."""

    customer: str
    lead: str
    collaborators: tuple[str, ...]
    on_hold: bool


def view_of(session: Session) -> SessionView:
    """Return what the applet's window shows."""
    return SessionView(
        customer=session.customer,
        lead=session.lead,
        collaborators=session.with_role(*COLLABORATORS),
        on_hold=bool(session.with_role(Role.LEAD_ON_HOLD)),
    )


def orders_of(applied: AppliedEvent) -> list[Order]:
    """Return what goes to the session's applet, in order."""
    before, after, event = applied.before, applied.after, applied.event
    if after is None or before is None:
        return []
    if isinstance(event, events.TermsDeclined) or (after.ended_at is not None and before.ended_at is None):
        return [SessionOver()]
    if isinstance(event, events.LinkLost):
        return [GivenUp()]
    if isinstance(event, events.RebootOrdered):
        first = after.reboot_order == event.order
        return [RebootNow(order=event.order, technician=event.technician)] if first else []
    if isinstance(event, events.ChatSent):
        return [ChatShown(technician=event.technician, text=event.text, revision=applied.revision)]
    return [ViewChanged()] if view_of(before) != view_of(after) else []
