"""The sessions that are over, in the order in which they began. Others run while they are gathered."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import islice

from rescue_server.core.session import Session
from rescue_server.core.session_record import SessionRecord
from rescue_server.runtime.engine import Engine

_AT_ONCE = 1_000  # sessions looked at, and sorted, in one turn
_NEW = SessionRecord()
_Key = tuple[datetime, int]  # when it began, and its number


async def ended_sessions(
    engine: Engine, begin: datetime, end: datetime
) -> AsyncIterator[tuple[Session, SessionRecord]]:
    """Yield the sessions that are over and began in the range, with their records, as they are published now."""
    sessions, records = engine.published.sessions.copy(), engine.records.copy()
    known = iter(sessions)
    # Of a tuple of a moment and a number the garbage collector looks once: with the session in it, again and again.
    runs: list[list[_Key]] = []
    while portion := list(islice(known, _AT_ONCE)):
        await asyncio.sleep(0)
        found = (_key(sessions[number], records.get(number, _NEW)) for number in portion)
        runs.append(sorted(key for key in found if key is not None and begin <= key[0] < end))
    for _, number in heapq.merge(*runs):
        session = str(number)
        yield sessions[session], records.get(session, _NEW)


def _key(session: Session, record: SessionRecord) -> _Key | None:
    if session.ended_at is None:
        return None
    return record.started_at or session.created_at, int(session.id)
