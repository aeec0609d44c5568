"""What the applet must hear of an event: orders, chat lines, the end, and what its window shows."""

from __future__ import annotations

from dataclasses import dataclass

from rescue_server.core import events as e
from rescue_server.core.session import Session
from rescue_server.core.status import COLLABORATORS, Role
from rescue_server.runtime.attachments import ChatShown, GivenUp, Order, RebootNow, SessionOver, ViewChanged
from rescue_server.runtime.state import AppliedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the customer sees of the session."""

    customer: str
    lead: str
    collaborators: tuple[str, ...]
    on_hold: bool


def view_of(session: Session) -> View:
    """Return what the applet's window shows."""
    return View(
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
    if isinstance(event, e.TermsDeclined) or (after.ended_at is not None and before.ended_at is None):
        return [SessionOver()]
    if isinstance(event, e.LinkLost):
        return [GivenUp()]
    if isinstance(event, e.RebootOrdered):
        first = after.reboot_order == event.order
        return [RebootNow(order=event.order, technician=event.technician)] if first else []
    if isinstance(event, e.ChatSent):
        return [ChatShown(technician=event.technician, text=event.text, revision=applied.revision)]
    return [ViewChanged()] if view_of(before) != view_of(after) else []
