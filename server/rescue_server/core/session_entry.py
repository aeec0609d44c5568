"""One technician's part in a session, and what follows for it from every event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace

from rescue_server.core import events
from rescue_server.core.status import Link, Role, status_of


class SessionEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """One technician's part in a session.

    `since`: when the status that the technician sees last changed. `counted_from`: when the idle clock last restarted;
    only for the roles that can time out. `focused`: whether one of the technician's consoles has the focus.
    """

    role: Role
    since: datetime
    counted_from: datetime
    focused: bool = False
    processes: frozenset[events.Process] = frozenset()
    alarmed: bool = False
    introduced_by: str = ""


def can_idle(entry: SessionEntry) -> bool:
    """Whether the active session idle time-out applies to the entry. It never does on hold."""
    return entry.role in (Role.LEAD, Role.COLLABORATOR)


def is_held(entry: SessionEntry, link: Link) -> bool:
    """Whether the entry's idle clock is stopped: the link is connected, and there is focus or an open process."""
    return link is Link.CONNECTED and (entry.focused or bool(entry.processes))


Entries = Mapping[str, SessionEntry]


def finish_entries(
    before: Entries, link_before: Link, after: Entries, link: Link, event: events.AnySessionEvent
) -> dict[str, SessionEntry]:
    """Date new statuses and restart idle clocks. To most of hundreds who wait nothing happens, or the same."""
    by = event.technician if isinstance(event, events.Activity) else None
    is_quiet = link is link_before and by != ""
    finished: dict[int, SessionEntry] = {}  # of entries that several technicians share, by the entry before it
    entries: dict[str, SessionEntry] = {}
    for name, entry in after.items():
        old = before.get(name)
        if old is None or (old is entry and name != by and is_quiet and not entry.alarmed):
            entries[name] = entry
        elif old is not entry or name == by:
            entries[name] = _finish_entry(name, old, entry, link_before, link, event)
        else:
            if id(old) not in finished:
                finished[id(old)] = _finish_entry(name, old, entry, link_before, link, event)
            entries[name] = finished[id(old)]
    return entries


def _finish_entry(
    name: str, old: SessionEntry, entry: SessionEntry, link_before: Link, link: Link, event: events.AnySessionEvent
) -> SessionEntry:
    role_changed = old.role is not entry.role
    processes = frozenset[events.Process]() if role_changed else entry.processes
    if processes is not entry.processes:
        entry = replace(entry, processes=processes)
    if status_of(old.role, link_before) is not status_of(entry.role, link):
        entry = replace(entry, since=event.at)
    was_held, held = is_held(old, link_before), is_held(entry, link)
    released = was_held and not held
    # The customer's activity, with no technician, restarts the clocks of all.
    restarted = isinstance(event, events.Activity) and event.technician in (name, "")
    if role_changed or released or restarted:
        return replace(entry, counted_from=event.at, alarmed=False)
    return replace(entry, alarmed=False) if held and entry.alarmed else entry
