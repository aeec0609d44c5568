"""What an administrator does to a session through the API: the command of a technician who takes part in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from rescue_api.answers import Row
from rescue_api.calls import ApiCall
from rescue_api.nodes import NodeType
from rescue_api.words import MethodFailed, Word
from rescue_client.api_records import EntryRole, Person, SessionFacts
from rescue_client.console import ConsoleClient
from rescue_client.records import Target, TargetKind
from rescue_protos.errors import RescueError, Unavailable

FIRST_SESSION = 1001
_LEADS = (EntryRole.LEAD, EntryRole.LEAD_ON_HOLD)
_KINDS = {
    NodeType.TECHNICIAN: TargetKind.TECHNICIAN,
    NodeType.TECHNICIAN_GROUP: TargetKind.GROUP,
    NodeType.CHANNEL: TargetKind.CHANNEL,
}


async def start(call: ApiCall) -> Sequence[Row]:
    """Start a session, by the technician whom a node names."""
    session = _session(call)
    technician = call.node("node").of
    if not isinstance(technician, Person) or not technician.is_technician:
        raise MethodFailed(Word.INVALID_NODE)
    if technician.name not in call.facts.connected:
        raise MethodFailed(Word.ACTION_FAILED)
    async with _console(call, session, technician.name) as console:
        await console.start(str(session.id))
    return ()


async def hold(call: ApiCall) -> Sequence[Row]:
    """Put a session on hold, by its lead."""
    session = _session(call)
    async with _console(call, session, _first(session, *_LEADS)) as console:
        await console.hold(str(session.id))
    return ()


async def transfer(call: ApiCall) -> Sequence[Row]:
    """Transfer a session, by who leads it, waits with it or was given it."""
    session = _session(call)
    node = call.node("node")
    kind = (call.given("noderef") or "NODE").upper()
    if node.type not in _KINDS or (kind == "CHANNEL") is not (node.type is NodeType.CHANNEL):
        raise MethodFailed(Word.INVALID_NODE)
    who = _first(session, *_LEADS, EntryRole.WAITING, EntryRole.INCOMING)
    target, comment = Target(kind=_KINDS[node.type], name=node.name), call.one_line("comment").strip()
    async with _console(call, session, who) as console:
        await console.transfer(str(session.id), target, comment)
    return ()


async def close(call: ApiCall) -> Sequence[Row]:
    """End a session, by its lead, else by a technician who waits with it."""
    session = _session(call)
    who = _first(session, *_LEADS, EntryRole.WAITING, EntryRole.OUTGOING, EntryRole.INCOMING)
    async with _console(call, session, who) as console:
        await console.end(str(session.id))
    return ()


async def cancel(call: ApiCall) -> Sequence[Row]:
    """Take back a transfer or an offer of the lead."""
    session = _session(call)
    if outgoing := _first(session, EntryRole.OUTGOING):
        async with _console(call, session, outgoing) as console:
            await console.start(str(session.id))
        return ()
    who = _first(session, *_LEADS) if session.lead_offered_to else ""
    async with _console(call, session, who) as console:
        await console.cancel_lead(str(session.id))
    return ()


def _session(call: ApiCall) -> SessionFacts:
    """Return the session that is named. Raises MethodFailed."""
    number = call.integer("session")
    if number is None or not FIRST_SESSION <= number <= call.facts.last_session:
        raise MethodFailed(Word.INVALID_SESSION)
    found = next((session for session in call.facts.sessions if session.id == number), None)
    if found is None or found.ended_at is not None:
        raise MethodFailed(Word.ACTION_FAILED)  # it ended; perhaps long ago
    return found


def _first(session: SessionFacts, *roles: EntryRole) -> str:
    """Return the first technician with the first of these roles that somebody has; empty if nobody has one."""
    here = [entry for entry in session.entries if entry.left is None]
    return next((entry.technician for role in roles for entry in here if entry.role is role), "")


@asynccontextmanager
async def _console(call: ApiCall, session: SessionFacts, technician: str) -> AsyncIterator[ConsoleClient]:
    """Act as a technician. What the core refuses fails with ACTIONFAILED."""
    if not technician:
        raise MethodFailed(Word.ACTION_FAILED)
    try:
        async with call.backend.client.console(technician, acts_for=call.user.name) as console:
            yield console
    except Unavailable:
        raise
    except RescueError:
        raise MethodFailed(Word.ACTION_FAILED) from None
