"""What happened to a session, as its timeline takes it: read from the journal."""

from __future__ import annotations

from contextlib import aclosing

from rescue_client.connection import Connection
from rescue_client.journal import JournalClient, JournalLine
from rescue_common.durations import format_duration
from rescue_console.timeline_picture import Change, Happening
from rescue_protos.errors import NotFound


async def history_of(session: str, connection: Connection) -> tuple[Happening, ...]:
    """Return all that happened to a session, oldest first: an administrator reads every one, a technician his own.

    Raises RescueError, NotFound if nothing is known of it.
    """
    found: list[Happening] = []
    async with aclosing(JournalClient(connection).read(session=session)) as pieces:
        async for piece in pieces:
            found += map(_happening, piece.lines)
    if not found or not session:
        message = f"there is no session {session!r}, or it is none of yours"
        raise NotFound(message, reason="SESSION_UNKNOWN")
    return tuple(found)


def _happening(line: JournalLine) -> Happening:
    return Happening(
        revision=line.revision,
        at=line.at,
        event=line.name,
        cause=line.cause,
        technician=line.by,
        about=line.about,
        setting=line.setting,
        setting_value=format_duration(line.setting_value) if line.setting_value else "",
        said=line.body["text"] if line.name == "ChatSent" else "",
        changes=tuple(
            Change(technician=one.technician, status=one.status, previous=one.previous, row=one.row)
            for one in line.changes
        ),
    )
