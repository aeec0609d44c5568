"""Decides which events follow from what the customer's side does: joining, coming back, leaving, writing.

As in `decide`, these functions are pure and change no session.
"""

from __future__ import annotations

from rescue_protos.errors import PinRefused, TargetNotAllowed
from rescue_server.core import events
from rescue_server.core.decide import Context, Events, on_due
from rescue_server.core.session import Session
from rescue_server.core.status import LOST_LINKS, Link
from rescue_server.core.texts import CHAT_LENGTH, COMPUTER_LENGTH, CUSTOMER_LENGTH, require_line
from rescue_server.core.timers import overdue_on_return


def start_through_channel(
    *,
    session: str,
    channel: str,
    customer: str,
    ticket_hash: str,
    context: Context,
    computer: events.AppletComputer | None = None,
) -> Events:
    """Create a session that each technician of the channel sees, Connecting.

    Raises NotFound, TargetNotAllowed or InvalidArgument.
    """
    require_line("customer", customer, CUSTOMER_LENGTH)
    members = context.organization.members(f"channel:{channel}")
    if not members:
        raise TargetNotAllowed(f"no technician serves the channel {channel!r}")
    return [
        events.SessionCreated(
            session=session,
            at=context.now,
            owner=f"channel:{channel}",
            channel=channel,
            customer=customer,
            ticket_hash=ticket_hash,
            computer=_computer(computer),
            entries=members,
            focused=tuple(sorted(context.in_focus & set(members))),
        )
    ]


def redeem_pin(
    session: Session,
    *,
    ticket_hash: str,
    customer: str,
    context: Context,
    computer: events.AppletComputer | None = None,
) -> Events:
    """Redeem the PIN for a ticket. Raises PinRefused, InvalidArgument."""
    require_line("customer", customer, CUSTOMER_LENGTH)
    if session.is_redeemed:
        raise PinRefused("this PIN was used already: ask the technician for a new one", reason="PIN_USED")
    if session.ended_at is not None:
        raise PinRefused("this PIN is void, its session has ended: ask for a new one", reason="PIN_VOID")
    if not is_redeemable(session, context):
        raise PinRefused("this PIN has expired: ask the technician for a new one", reason="PIN_EXPIRED")
    return [
        events.PinRedeemed(
            session=session.id,
            at=context.now,
            ticket_hash=ticket_hash,
            customer=customer,
            computer=_computer(computer),
        )
    ]


def _computer(given: events.AppletComputer | None) -> events.AppletComputer:
    """Return what is known of the computer. Raises InvalidArgument."""
    computer = given or events.AppletComputer()
    require_line("language", computer.language, COMPUTER_LENGTH)
    require_line("platform", computer.platform, COMPUTER_LENGTH)
    return computer


def is_redeemable(session: Session, context: Context) -> bool:
    """Whether an applet could join with the session's PIN now."""
    validity = context.organization.settings_of(session.owner).private_code_validity
    fresh = context.now < session.created_at + validity
    return bool(session.pin) and not session.is_redeemed and session.ended_at is None and fresh


def terms_pending(session: Session, context: Context) -> bool:
    """Whether the customer still has to accept terms."""
    return session.joined_at is None and bool(context.organization.settings_of(session.owner).terms)


def on_attach(session: Session, context: Context) -> Events:
    """An applet attached with its ticket. That is an event if it joins the session or comes back to it."""
    if session.ended_at is not None or session.declined:
        return []
    if session.link is Link.AWAITING:
        return [] if terms_pending(session, context) else [events.AppletJoined(session=session.id, at=context.now)]
    if session.link is Link.CONNECTED:
        return []
    return _restored(session, context)


def on_sign_of_life(session: Session, context: Context) -> Events:
    """A heartbeat or report came from an attached applet. The first one after a loss is an event.

    A rebooting computer comes back only by a new attachment: what still arrives meanwhile was sent before the reboot.
    """
    lost = session.link in LOST_LINKS and session.ended_at is None
    return _restored(session, context) if lost else []


def on_terms(session: Session, *, accepted: bool, context: Context) -> Events:
    """The customer accepted or declined the terms. It changes nothing if that is decided already."""
    if session.ended_at is not None or session.joined_at is not None or session.declined:
        return []
    event = events.AppletJoined if accepted else events.TermsDeclined
    return [event(session=session.id, at=context.now)]


def on_going_down(session: Session, *, order: str, context: Context) -> Events:
    """The computer reboots. While Connecting that changes nothing."""
    if session.link is not Link.CONNECTED or session.ended_at is not None:
        return []
    ordered_by = session.reboot_ordered_by if order and order == session.reboot_order else ""
    return [events.RebootBegan(session=session.id, at=context.now, technician=ordered_by)]


def on_goodbye(session: Session, context: Context) -> Events:
    """The customer closed the applet. While Connecting that changes nothing."""
    if session.link is not Link.CONNECTED or session.ended_at is not None:
        return []
    return [events.AppletClosed(session=session.id, at=context.now)]


def on_customer_chat(session: Session, *, text: str, context: Context) -> Events:
    """The customer sent a chat line. Raises InvalidArgument."""
    require_line("text", text, CHAT_LENGTH, empty=False)
    if session.link is not Link.CONNECTED or session.ended_at is not None:
        return []
    return [events.ChatSent(session=session.id, at=context.now, text=text)]


def _restored(session: Session, context: Context) -> Events:
    found: Events = [events.LinkRestored(session=session.id, at=context.now)]
    if session.link is Link.REBOOTING:
        found += (
            event
            for deadline in overdue_on_return(session, context.organization, context.now)
            for event in on_due(session, deadline)
        )
    return found
