"""Which commands a technician can give to a session now: those that `ALLOWED` lists and that have an object.

Consoles offer exactly these commands, and the error of a command that is not allowed names them.
"""

from __future__ import annotations

from functools import cache

from rescue_server.core.commands import ALLOWED, CommandName
from rescue_server.core.events import Process
from rescue_server.core.session import Session
from rescue_server.core.status import Link, Role


def allowed_commands(session: Session, technician: str) -> tuple[str, ...]:
    """Return the commands that the technician's entry allows now, in the words of the scripted console."""
    entry = session.entries.get(technician)
    if entry is None:
        return ()
    allowed = _allowed(entry.role, session.link)
    return tuple(command.value for command in allowed if _has_object(session, technician, command))


@cache
def _allowed(role: Role, link: Link) -> tuple[CommandName, ...]:
    # Called for each line of each queue at each event, but there are few combinations of role and link.
    return tuple(command for command, roles in ALLOWED.items() if link in roles.get(role, ()))


def _has_object(session: Session, technician: str, command: CommandName) -> bool:
    """Whether the command has an object now, for example a technician to remove or a process to close."""
    match command:
        case CommandName.REMOVE:
            return any(can_be_removed(session, name) for name in session.entries)
        case CommandName.OFFER_LEAD:
            return not session.lead_offered_to and bool(session.with_role(Role.COLLABORATOR))
        case CommandName.CANCEL_LEAD:
            return bool(session.lead_offered_to)
        case CommandName.ACCEPT_LEAD:
            return session.lead_offered_to == technician
        case CommandName.OPEN:
            return len(session.entries[technician].processes) < len(Process)
        case CommandName.CLOSE:
            return bool(session.entries[technician].processes)
    return True


def can_be_removed(session: Session, name: str) -> bool:
    """Whether the lead may remove this technician now."""
    entry = session.entries.get(name)
    if entry is None:
        return False
    if entry.role in (Role.INVITED, Role.COLLABORATOR):
        return True
    # The published table has no change from On Hold to Removed, but it has one from Rebooting.
    on_hold = entry.role in (Role.COLLABORATOR_ON_HOLD, Role.HELD_BY_LEAD)
    return on_hold and session.link is Link.REBOOTING
