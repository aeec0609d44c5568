"""The handlers of commands, for the engine: each is a function of the state and the context.

A handler finds the session, lets the core decide, and returns the events and the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from rescue_common.allowance import Allowances
from rescue_protos.errors import (
    InvalidArgument,
    NotFound,
    PinRefused,
    ResourceExhausted,
    Unauthenticated,
)
from rescue_server.core import commands, customer_side, decide, organization
from rescue_server.core.clearing import clear, is_concerned
from rescue_server.core.events import AppletComputer, SessionTransferred
from rescue_server.core.session import Session
from rescue_server.core.tenants import require_one_tenant
from rescue_server.runtime.chat_log import ChatLog
from rescue_server.runtime.credentials import ticket_fits
from rescue_server.runtime.engine import Answer, Handler, Outcome
from rescue_server.runtime.limits import LIMITS, Limits
from rescue_server.runtime.pin_guesses import PinGuesses, too_many_wrong_pins
from rescue_server.runtime.session_owners import require_no_sessions, require_not_in_sessions
from rescue_server.runtime.state import EngineState

PIN_ATTEMPTS = 1000
AddedNode = TypeVar("AddedNode", bound=organization.NodeAdded)


def create_pin(
    technician: str,
    customer: str,
    new_pin: Callable[[], str],
    limits: Limits = LIMITS,
    *,
    fields: tuple[str, ...] = (),
    tracking: str = "",
) -> Handler:
    """A session with one entry, Connecting, and its PIN. Raises ResourceExhausted."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        _require_room(state, f"technician:{technician}", limits.open_sessions_per_technician)
        session = state.next_session_id()
        pin = _free_pin(state, context, new_pin)
        events = decide.create_pin(
            session=session,
            technician=technician,
            pin=pin,
            customer=customer,
            fields=fields,
            tracking=tracking,
            context=context,
        )
        group = f"group:{state.organization.technicians[technician]}"
        settings = state.organization.settings_of(group)
        # The connecting time-out ends the session, and its PIN with it.
        valid_for = min(settings.private_code_validity, settings.connecting_timeout)
        return Outcome(events=events, answer=Answer(session=session, pin=pin, valid_for=valid_for))

    return handle


def command(given: commands.AnyCommand) -> Handler:
    """A technician's command to a session."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        session = state.sessions.get(given.session)
        if session is None:
            raise NotFound.of("session", given.session, "it is not in your queue")
        events = decide.decide(session, given, context)
        targets = events[0].targets if isinstance(events[0], SessionTransferred) else ()
        return Outcome(events=events, answer=Answer(session=given.session, technicians=targets))

    return handle


def done_by(handler: Handler, by: str) -> Handler:
    """The same act, whose events say who had it done through the public API."""

    def attributed(state: EngineState, context: decide.Context) -> Outcome:
        outcome = handler(state, context)
        return Outcome(
            events=[msgspec.structs.replace(event, by=by) for event in outcome.events], answer=outcome.answer
        )

    return attributed


def limit_chat(handler: Handler, chats: ChatLog, limits: Limits = LIMITS) -> Handler:
    """Return the handler with a limit: it raises ResourceExhausted while too many lines of the session are unconfirmed.

    The customer has lost the LAN, or their computer does not keep up.
    """

    def limited(state: EngineState, context: decide.Context) -> Outcome:
        outcome = handler(state, context)
        waiting = len(chats.unconfirmed(outcome.answer.session))
        if waiting >= limits.unconfirmed_chat_lines:
            raise ResourceExhausted(
                f"the customer's computer has not received the last {waiting} chat lines; this one was not sent",
                metadata={"limit": str(waiting), "what": "unconfirmed chat lines"},
            )
        return outcome

    return limited


def redeem_pin(pin: str, customer: str, ticket_hash: str, computer: AppletComputer | None = None) -> Handler:
    """Spend a PIN."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        session = state.sessions.get(state.pins.get(pin, ""))
        if session is None:
            raise PinRefused("there is no such PIN: check the digits with the technician", reason="PIN_UNKNOWN")
        events = customer_side.redeem_pin(
            session, ticket_hash=ticket_hash, customer=customer, context=context, computer=computer
        )
        return Outcome(events=events, answer=Answer(session=session.id))

    return handle


def limit_guesses(handler: Handler, guesses: PinGuesses, source: str, now: Callable[[], float]) -> Handler:
    """The same act, refused with ResourceExhausted while the source has to wait; a refused PIN counts as a guess.

    Asked and counted where acts are decided, one after the other: many attempts at once gain nothing, nor does a caller
    who hangs up before the answer.
    """

    def guarded(state: EngineState, context: decide.Context) -> Outcome:
        if (wait := guesses.wait(source, now())) > 0:
            raise too_many_wrong_pins(wait)
        try:
            outcome = handler(state, context)
        except PinRefused:
            guesses.wrong(source, now())
            raise
        guesses.right(source)
        return outcome

    return guarded


def limit_starts(handler: Handler, starts: Allowances, source: str, now: Callable[[], float]) -> Handler:
    """The same start of a session, refused with ResourceExhausted if the source has started too many lately."""

    def guarded(state: EngineState, context: decide.Context) -> Outcome:
        if (wait := starts.wait(source, now())) > 0:
            raise ResourceExhausted(
                f"too many sessions were started from this address: the next one is possible in {wait:.1f} s",
                metadata={"what": "sessions of one address"},
                retry_after=wait,
            )
        outcome = handler(state, context)
        starts.spend(source, now())
        return outcome

    return guarded


def start_through_channel(
    channel: str,
    customer: str,
    ticket_hash: str,
    limits: Limits = LIMITS,
    computer: AppletComputer | None = None,
) -> Handler:
    """A session for every technician of a channel. Raises ResourceExhausted."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        _require_room(state, f"channel:{channel}", limits.open_sessions_per_channel)
        session = state.next_session_id()
        events = customer_side.start_through_channel(
            session=session,
            channel=channel,
            customer=customer,
            ticket_hash=ticket_hash,
            context=context,
            computer=computer,
        )
        return Outcome(events=events, answer=Answer(session=session))

    return handle


def of_applet(session_id: str, decision: Callable[[Session, decide.Context], decide.Events]) -> Handler:
    """Handle a report or a change of the session's applet."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        session = state.sessions.get(session_id)
        events = [] if session is None else decision(session, context)
        return Outcome(events=events, answer=Answer(session=session_id))

    return handle


def admit(state: EngineState, session_id: str, ticket: str) -> Session:
    """Return the session whose ticket this is. Raises Unauthenticated, which does not say whether it exists."""
    session = state.sessions.get(session_id)
    if session is None or not ticket_fits(ticket, session.ticket_hash):
        raise Unauthenticated("the session ticket is not accepted", reason="TICKET_UNKNOWN")
    return session


def add_group(by: str, name: str, tenant: str = "") -> Handler:
    """Add a technician group. Groups of one tenant know nothing of others."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        state.organization.require_free("group", name)
        organization.require_tenant_name(tenant)
        return Outcome(events=[_added(organization.GroupAdded, state, at=context.now, by=by, name=name, tenant=tenant)])

    return handle


def add_technician(by: str, name: str, group: str, secret_hash: str) -> Handler:
    """Add a technician to a group."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        state.organization.require_free("technician", name)
        state.organization.members(f"group:{group}")
        return Outcome(
            events=[
                _added(organization.TechnicianAdded, state, at=context.now, by=by, name=name, group=group),
                organization.SecretChanged(at=context.now, by=by, user=name, secret_hash=secret_hash),
            ]
        )

    return handle


def add_channel(by: str, name: str, groups: tuple[str, ...]) -> Handler:
    """Add a channel that groups serve."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        state.organization.require_free("channel", name)
        if not groups:
            raise InvalidArgument.of("groups", "a channel needs at least one technician group")
        for group in groups:
            state.organization.members(f"group:{group}")
        require_one_tenant(state.organization, groups)
        serving = tuple(sorted(set(groups)))
        return Outcome(
            events=[_added(organization.ChannelAdded, state, at=context.now, by=by, name=name, groups=serving)]
        )

    return handle


def add_administrator(by: str, name: str, secret_hash: str) -> Handler:
    """Add an administrator."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        state.organization.require_free("administrator", name)
        return Outcome(
            events=[
                _added(organization.AdministratorAdded, state, at=context.now, by=by, name=name),
                organization.SecretChanged(at=context.now, by=by, user=name, secret_hash=secret_hash),
            ]
        )

    return handle


def move_technician(by: str, name: str, group: str) -> Handler:
    """Move a technician to another group."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        state.organization.require_technician(name)
        state.organization.members(f"group:{group}")
        return Outcome(events=[organization.TechnicianMoved(at=context.now, by=by, name=name, group=group)])

    return handle


def remove_technician(by: str, name: str) -> Handler:
    """Remove a technician who takes part in no session."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        state.organization.require_technician(name)
        require_not_in_sessions(state, name)
        return Outcome(events=[organization.TechnicianDeleted(at=context.now, by=by, name=name)])

    return handle


def remove_group(by: str, name: str) -> Handler:
    """Remove a technician group that nothing needs any more."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        state.organization.require_unused_group(name)
        require_no_sessions(state, f"group:{name}")
        return Outcome(events=[organization.GroupDeleted(at=context.now, by=by, name=name)])

    return handle


def remove_channel(by: str, name: str) -> Handler:
    """Remove a channel without sessions."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        state.organization.members(f"channel:{name}")
        require_no_sessions(state, f"channel:{name}")
        return Outcome(events=[organization.ChannelDeleted(at=context.now, by=by, name=name)])

    return handle


def renew_secret(by: str, user: str, secret_hash: str) -> Handler:
    """Give a user a new secret."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        if user not in state.organization.secret_hashes:
            raise NotFound.of("user", user)
        return Outcome(events=[organization.SecretChanged(at=context.now, by=by, user=user, secret_hash=secret_hash)])

    return handle


def begin_reset(technicians: Sequence[str]) -> Handler:
    """Say which sessions a reset concerns: `sessions` of them, up to the number `session`.

    The answer is stored. So a reset that is repeated touches no session that was opened meanwhile.
    """

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        left = sum(is_concerned(session, technicians) for session in state.sessions.unpacked())
        return Outcome(answer=Answer(session=str(state.last_session), sessions=left))

    return handle


def clear_sessions(by: str, sessions: Sequence[str]) -> Handler:
    """End sessions and take them out of all queues."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        found = (state.sessions.get(session) for session in sessions)
        return Outcome(
            events=[event for session in found if session for event in clear(session, by=by, context=context)]
        )

    return handle


def issue_authcode(user: str, code_hash: str) -> Handler:
    """Keep the hash of a code that stands for the user in calls of the public API."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        if user not in state.organization.secret_hashes:
            raise NotFound.of("user", user)
        return Outcome(events=[organization.AuthcodeIssued(at=context.now, by=user, user=user, code_hash=code_hash)])

    return handle


def change_report_settings(user: str, code_hash: str, changes: Mapping[str, str]) -> Handler:
    """Change what the reports are about that a code asks for. A code that was voided meanwhile has none."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        known = state.organization
        if code_hash not in (known.authcodes.get(user), known.api_tokens.get(user)):
            return Outcome(events=[])
        changed = organization.ReportSettingsChanged(
            at=context.now, by=user, user=user, code_hash=code_hash, changes=changes
        )
        return Outcome(events=[changed])

    return handle


def _added(kind: type[AddedNode], state: EngineState, **what: Any) -> AddedNode:
    """Return the event, with a node id that nothing had before."""
    return kind(node=state.organization.next_node, **what)


def _require_room(state: EngineState, opener: str, most: int) -> None:
    if state.open_by[opener] >= most:
        raise ResourceExhausted(
            f"{opener} has {most} open sessions, and cannot have more: end some first",
            metadata={"limit": str(most), "what": "open sessions"},
        )


def _free_pin(state: EngineState, context: decide.Context, new_pin: Callable[[], str]) -> str:
    """Return a PIN that no open session has, and if possible one that no session ever had."""
    for attempt in range(PIN_ATTEMPTS):
        pin = new_pin()
        session = state.sessions.get(state.pins.get(pin, ""))
        if session is None or (attempt > PIN_ATTEMPTS // 2 and not customer_side.is_redeemable(session, context)):
            return pin
    raise ResourceExhausted("no PIN is free: end some sessions that are Connecting", metadata={"what": "free PINs"})
