"""Ends a session and takes it out of every queue, as an administrator's reset does it.

Only what technicians could do themselves happens: each event comes from `decide`, so each change is in the table. A
session on hold cannot be ended while it is connected, so it is started before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from msgspec.structs import replace

from rescue_server.core import commands
from rescue_server.core.commands import ALLOWED, CommandName
from rescue_server.core.decide import Context, Events, decide
from rescue_server.core.events import AnySessionEvent
from rescue_server.core.session import Session, apply, is_gone
from rescue_server.core.status import Role

_MAY_RESUME = (Role.LEAD_ON_HOLD, Role.OUTGOING, Role.INCOMING)


def is_concerned(session: Session, technicians: Collection[str]) -> bool:
    """Return whether a reset of these technicians' queues has to clear a session; of all queues if none are named."""
    return not is_gone(session) and (not technicians or not session.entries.keys().isdisjoint(technicians))


def clear(session: Session, *, by: str, context: Context) -> Events:
    """Return the events after which the session has ended and is in no queue; none if that is so already."""
    found: Events = []
    while not is_gone(session):
        event = _next_event(session, by, context)
        found.append(event)
        session = apply(session, event)
    return found


def _next_event(session: Session, by: str, context: Context) -> AnySessionEvent:
    command = next(_possible_commands(session))
    event = decide(session, command, context)[0]  # who starts it brings the focus along, which does not matter here
    return replace(event, reset_by=by)


def _possible_commands(session: Session) -> Iterator[commands.EndSession | commands.StartSession]:
    # The end of a collaborator is no end of the session: they only leave.
    enders = session.with_role(*(role for role in ALLOWED[CommandName.END] if role is not Role.COLLABORATOR))
    for name in enders:
        if session.link in ALLOWED[CommandName.END][session.entries[name].role]:
            yield commands.EndSession(technician=name, session=session.id)
    for role in _MAY_RESUME:
        for name in session.with_role(role):
            yield commands.StartSession(technician=name, session=session.id)
