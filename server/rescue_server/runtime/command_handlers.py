"""What can be done at the desk, each as an act for the engine: a function of the desk and its context.

They find the session, let the core decide, and say what the answer carries.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from rescue_protos.errors import (
    InvalidArgument,
    NotFound,
    OrganizationRefused,
    PinRefused,
    ResourceExhausted,
    Unauthenticated,
)
from rescue_server.core import commands as c
from rescue_server.core import decide as d
from rescue_server.core import organization as o
from rescue_server.core.events import SessionTransferred
from rescue_server.core.session import Session
from rescue_server.runtime.credentials import ticket_fits
from rescue_server.runtime.engine import Act, Answer, Outcome
from rescue_server.runtime.limits import LIMITS, Limits
from rescue_server.runtime.sign_in_rate import Guessing
from rescue_server.runtime.state import Desk

PIN_ATTEMPTS = 1000


def create_pin(technician: str, customer: str, new_pin: Callable[[], str], limits: Limits = LIMITS) -> Act:
    """A session with one entry, Connecting, and its PIN. Raises ResourceExhausted."""

    def act(desk: Desk, context: d.Context) -> Outcome:
        _require_room(desk, f"technician:{technician}", limits.open_sessions_per_technician)
        session = desk.next_session_id()
        pin = _free_pin(desk, context, new_pin)
        events = d.create_pin(session=session, technician=technician, pin=pin, customer=customer, context=context)
        group = f"group:{desk.organization.technicians[technician]}"
        validity = desk.organization.settings_of(group).private_code_validity
        return Outcome(events=events, answer=Answer(session=session, pin=pin, valid_for=validity))

    return act


def command(order: c.AnyCommand) -> Act:
    """A technician's command to a session."""

    def act(desk: Desk, context: d.Context) -> Outcome:
        session = desk.sessions.get(order.session)
        if session is None:
            raise NotFound.of("session", order.session, "it is not in your queue")
        events = d.decide(session, order, context)
        targets = events[0].targets if isinstance(events[0], SessionTransferred) else ()
        return Outcome(events=events, answer=Answer(session=order.session, technicians=targets))

    return act


def redeem_pin(pin: str, customer: str, ticket_hash: str) -> Act:
    """Spend a PIN."""

    def act(desk: Desk, context: d.Context) -> Outcome:
        session = desk.sessions.get(desk.pins.get(pin, ""))
        if session is None:
            raise PinRefused("there is no such PIN: check the digits with the technician", reason="PIN_UNKNOWN")
        events = d.redeem_pin(session, ticket_hash=ticket_hash, customer=customer, context=context)
        return Outcome(events=events, answer=Answer(session=session.id))

    return act


def patiently(act: Act, guessing: Guessing, source: str, now: Callable[[], float] = time.monotonic) -> Act:
    """The same act, refused with ResourceExhausted while the source has to wait; a refused PIN counts as a guess.

    Asked and counted where acts are decided, one after the other: many attempts at once gain nothing.
    """

    def guarded(desk: Desk, context: d.Context) -> Outcome:
        if (wait := guessing.wait(source, now())) > 0:
            raise ResourceExhausted(
                f"too many wrong PINs: the next attempt is possible in {wait:.1f} s",
                reason="TOO_MANY_WRONG_PINS",
                retry_after=wait,
            )
        try:
            return act(desk, context)
        except PinRefused:
            guessing.failed(source, now())
            raise

    return guarded


def start_through_channel(channel: str, customer: str, ticket_hash: str, limits: Limits = LIMITS) -> Act:
    """A session for every technician of a channel. Raises ResourceExhausted."""

    def act(desk: Desk, context: d.Context) -> Outcome:
        _require_room(desk, f"channel:{channel}", limits.open_sessions_per_channel)
        session = desk.next_session_id()
        events = d.start_through_channel(
            session=session, channel=channel, customer=customer, ticket_hash=ticket_hash, context=context
        )
        return Outcome(events=events, answer=Answer(session=session))

    return act


def of_applet(session_id: str, decision: Callable[[Session, d.Context], d.Events]) -> Act:
    """Something that the session's applet said or did."""

    def act(desk: Desk, context: d.Context) -> Outcome:
        session = desk.sessions.get(session_id)
        events = [] if session is None else decision(session, context)
        return Outcome(events=events, answer=Answer(session=session_id))

    return act


def focus(technician: str, focused: bool) -> Act:
    """A technician gained or lost the focus: all sessions he takes part in hear of it."""

    def act(desk: Desk, context: d.Context) -> Outcome:
        events: d.Events = []
        for session in desk.queue_of(technician):
            events += d.on_focus(session, technician=technician, focused=focused, context=context)
        return Outcome(events=events)

    return act


def admit(desk: Desk, session_id: str, ticket: str) -> Session:
    """Return the session whose ticket this is. Raises Unauthenticated, which does not say whether it exists."""
    session = desk.sessions.get(session_id)
    if session is None or not ticket_fits(ticket, session.ticket_hash):
        raise Unauthenticated("the session ticket is not accepted", reason="TICKET_UNKNOWN")
    return session


def change_settings(by: str, owner: str, changes: Mapping[str, timedelta | str]) -> Act:
    """Change a group's or channel's settings; raises InvalidArgument with the range."""

    def act(desk: Desk, context: d.Context) -> Outcome:
        if not changes:
            raise InvalidArgument.of("settings", "name at least one setting to change")
        desk.organization.settings_of(owner).changed(changes)
        periods = {name: value for name, value in changes.items() if isinstance(value, timedelta)}
        terms = changes.get("terms")
        event = o.SettingsChanged(
            at=context.now, by=by, owner=owner, periods=periods, terms=terms if isinstance(terms, str) else None
        )
        return Outcome(events=[event])

    return act


def add_group(by: str, name: str) -> Act:
    """Add a technician group."""

    def act(desk: Desk, context: d.Context) -> Outcome:
        desk.organization.require_free("group", name)
        return Outcome(events=[o.GroupAdded(at=context.now, by=by, name=name)])

    return act


def add_technician(by: str, name: str, group: str, secret_hash: str) -> Act:
    """Add a technician to a group."""

    def act(desk: Desk, context: d.Context) -> Outcome:
        desk.organization.require_free("technician", name)
        desk.organization.members(f"group:{group}")
        return Outcome(
            events=[
                o.TechnicianAdded(at=context.now, by=by, name=name, group=group),
                o.SecretChanged(at=context.now, by=by, user=name, secret_hash=secret_hash),
            ]
        )

    return act


def add_channel(by: str, name: str, groups: tuple[str, ...]) -> Act:
    """Add a channel that groups serve."""

    def act(desk: Desk, context: d.Context) -> Outcome:
        desk.organization.require_free("channel", name)
        if not groups:
            raise InvalidArgument.of("groups", "a channel needs at least one technician group")
        for group in groups:
            desk.organization.members(f"group:{group}")
        return Outcome(events=[o.ChannelAdded(at=context.now, by=by, name=name, groups=tuple(sorted(set(groups))))])

    return act


def add_administrator(by: str, name: str, secret_hash: str) -> Act:
    """Add an administrator."""

    def act(desk: Desk, context: d.Context) -> Outcome:
        desk.organization.require_free("administrator", name)
        return Outcome(
            events=[
                o.AdministratorAdded(at=context.now, by=by, name=name),
                o.SecretChanged(at=context.now, by=by, user=name, secret_hash=secret_hash),
            ]
        )

    return act


def move_technician(by: str, name: str, group: str) -> Act:
    """Move a technician to another group."""

    def act(desk: Desk, context: d.Context) -> Outcome:
        desk.organization.require_technician(name)
        desk.organization.members(f"group:{group}")
        return Outcome(events=[o.TechnicianMoved(at=context.now, by=by, name=name, group=group)])

    return act


def remove_technician(by: str, name: str) -> Act:
    """Remove a technician who takes part in no session."""

    def act(desk: Desk, context: d.Context) -> Outcome:
        desk.organization.require_technician(name)
        if queue := desk.queue_of(name):
            numbers = ", ".join(session.id for session in queue)
            raise OrganizationRefused(f"{name} still has sessions in his queue ({numbers}): end or transfer them first")
        return Outcome(events=[o.TechnicianDeleted(at=context.now, by=by, name=name)])

    return act


def renew_secret(by: str, user: str, secret_hash: str) -> Act:
    """Give a user a new secret."""

    def act(desk: Desk, context: d.Context) -> Outcome:
        if user not in desk.organization.secret_hashes:
            raise NotFound.of("user", user)
        return Outcome(events=[o.SecretChanged(at=context.now, by=by, user=user, secret_hash=secret_hash)])

    return act


def _require_room(desk: Desk, opener: str, most: int) -> None:
    if desk.open_by[opener] >= most:
        raise ResourceExhausted(
            f"{opener} has {most} open sessions, and cannot have more: end some first",
            metadata={"limit": str(most), "what": "open sessions"},
        )


def _free_pin(desk: Desk, context: d.Context, new_pin: Callable[[], str]) -> str:
    """A PIN that no session has that could still be redeemed, and if possible none ever had."""
    for attempt in range(PIN_ATTEMPTS):
        pin = new_pin()
        session = desk.sessions.get(desk.pins.get(pin, ""))
        if session is None or (attempt > PIN_ATTEMPTS // 2 and not d.is_redeemable(session, context)):
            return pin
    raise ResourceExhausted("no PIN is free: end some sessions that are Connecting")
