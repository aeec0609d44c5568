"""The sessions that are over, in the order in which they began. Others run while they are gathered."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from datetime import datetime

from rescue_server.core.session import Session
from rescue_server.core.session_record import SessionRecord
from rescue_server.runtime.engine import Engine

_AT_ONCE = 2_000  # sessions looked at, and sorted, in one turn
_Found = tuple[datetime, int, Session, SessionRecord]


async def ended_sessions(
    engine: Engine, begin: datetime, end: datetime
) -> AsyncIterator[tuple[Session, SessionRecord]]:
    """Yield the sessions that are over and began in the range, with their records, as they are published now."""
    sessions = list(engine.published.sessions.values())
    runs: list[list[_Found]] = []
    for start in range(0, len(sessions), _AT_ONCE):
        found = (_began(session, engine.records.of(session.id)) for session in sessions[start : start + _AT_ONCE])
        runs.append(sorted((one for one in found if one is not None and begin <= one[0] < end), key=_order))
        await asyncio.sleep(0)
    for _, _, session, record in heapq.merge(*runs, key=_order):
        yield session, record


def _began(session: Session, record: SessionRecord) -> _Found | None:
    if session.ended_at is None:
        return None
    return record.started_at or session.created_at, int(session.id), session, record


def _order(found: _Found) -> tuple[datetime, int]:
    return found[0], found[1]
