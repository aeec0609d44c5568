"""Which commands a technician can give to a session now: those that `ALLOWED` lists and that have an object.

Consoles offer exactly these commands, and the error of a command that is not allowed names them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from rescue_server.core.commands import ALLOWED, CommandName
from rescue_server.core.events import Process
from rescue_server.core.session import Session
from rescue_server.core.session_entry import SessionEntry
from rescue_server.core.status import Link, Role

HasObject = Callable[[Session, SessionEntry, str], bool]


def allowed_commands(session: Session, technician: str) -> tuple[str, ...]:
    """Return the commands that the technician's entry allows now, in the words of the scripted console."""
    entry = session.entries.get(technician)
    if entry is None:
        return ()
    allowed = _allowed(entry.role, session.link)
    return tuple([name for name, has_object in allowed if has_object is None or has_object(session, entry, technician)])


@cache
def _allowed(role: Role, link: Link) -> tuple[tuple[str, HasObject | None], ...]:
    # Called for each line of each queue at each event, but there are few combinations of role and link.
    return tuple((name.value, _HAS_OBJECT.get(name)) for name, roles in ALLOWED.items() if link in roles.get(role, ()))


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


_HAS_OBJECT: dict[CommandName, HasObject] = {
    CommandName.REMOVE: lambda session, entry, who: any(can_be_removed(session, name) for name in session.entries),
    CommandName.OFFER_LEAD: lambda session, entry, who: (
        not session.lead_offered_to and any(each.role is Role.COLLABORATOR for each in session.entries.values())
    ),
    CommandName.CANCEL_LEAD: lambda session, entry, who: bool(session.lead_offered_to),
    CommandName.ACCEPT_LEAD: lambda session, entry, who: session.lead_offered_to == who,
    CommandName.OPEN: lambda session, entry, who: len(entry.processes) < len(Process),
    CommandName.CLOSE: lambda session, entry, who: bool(entry.processes),
}
"""Whether a command has an object now, for example a technician to remove or a process to close. Others need none."""
