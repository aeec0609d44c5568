"""The timeline of a session: its records, and how they are read from the journal."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from rescue_common.durations import format_duration
from rescue_protos.errors import NotFound

if TYPE_CHECKING:
    from rescue_client.connection import Connection
    from rescue_client.journal import JournalLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one technician's queue showed: English names of the table; `previous` and `row` None for a new entry."""

    technician: str
    status: str
    previous: str | None = None
    row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing that happened to a session, with why. `event` is the stored event's name, empty if it is not known.

    `code` and `facts` are those of the cause, from which its sentence is made in any language.
    `chat_text` is the text of a chat line, empty if it was written while its reader had no part in the session.
    """

    revision: int
    at: datetime
    cause: str
    changes: tuple[Change, ...] = ()
    event: str = ""
    technician: str = ""
    about: str = ""
    setting: str = ""
    setting_value: str = ""
    chat_text: str = ""
    code: str = ""
    facts: Mapping[str, str] = field(default_factory=dict, hash=False)


async def history_of(session: str, connection: Connection) -> tuple[TimelineEntry, ...]:
    """Return all that happened to a session, oldest first: an administrator reads every session, a technician those
    that they took part in.

    Raises RescueError, NotFound if there are no records of it.
    """
    from rescue_client.journal import JournalClient  # pictures need the records only

    found: list[TimelineEntry] = []
    async with aclosing(JournalClient(connection).read(session=session)) as pieces:
        async for piece in pieces:
            found += map(_happening, piece.lines)
    if not found or not session:
        message = f"there is no session {session!r}, or it is none of yours"
        raise NotFound(message, reason="SESSION_UNKNOWN")
    return tuple(found)


def _happening(line: JournalLine) -> TimelineEntry:
    return TimelineEntry(
        revision=line.revision,
        at=line.at,
        event=line.name,
        cause=line.cause,
        technician=line.by,
        about=line.about,
        code=line.code,
        facts=line.facts,
        setting=line.setting,
        setting_value=format_duration(line.setting_value) if line.setting_value else "",
        chat_text=line.body["text"] if line.name == "ChatSent" else "",
        changes=tuple(
            Change(technician=one.technician, status=one.status, previous=one.previous, row=one.row)
            for one in line.changes
        ),
    )
