"""The sessions that the public API lists, as messages. Each is translated again only after it changed."""

from __future__ import annotations

import asyncio
import heapq
from datetime import datetime, timedelta
from itertools import islice

from rescue_protos.v1 import public_api_pb2 as pb
from rescue_server.core.session import Session
from rescue_server.core.session_record import SessionRecord
from rescue_server.rpc import public_api_facts as facts
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.state import AppliedEvent

LISTED_AFTER_END = timedelta(hours=1)  # emulated
_PORTION = 500  # sessions looked at in one turn
_Message = tuple[Session, SessionRecord, pb.SessionFacts]


class ListedSessions:
    """An answer looks at what was touched by an event, at what is over for too long, and at what is listed already.

    Many more that are over may be kept for reports. All are looked at once, before the first answer.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._messages: dict[str, _Message] = {}
        self._over: list[tuple[datetime, str]] = []  # a heap: when listed sessions ended
        self._touched: set[str] | None = None  # by an event since they were last looked at; None: nobody has asked yet
        self._is_prepared = False
        engine.subscribe(self)

    def on_applied(self, applied: AppliedEvent) -> None:
        """An event was published."""
        if applied.after is not None and self._touched is not None:
            self._touched.add(applied.after.id)

    async def prepare(self) -> None:
        """Look at all sessions once, in portions; then there is nothing to do."""
        if self._is_prepared:
            return
        self._touched = set() if self._touched is None else self._touched
        known = iter(self._engine.published.sessions.copy())
        while portion := list(islice(known, _PORTION)):
            await asyncio.sleep(0)
            long_ago = self._engine.clock.now() - LISTED_AFTER_END
            for session_id in portion:
                self._look_at(session_id, long_ago)
        self._is_prepared = True

    def messages(self, now: datetime) -> list[pb.SessionFacts]:
        """Return the messages of what is listed now, as it is published."""
        long_ago = now - LISTED_AFTER_END
        touched, self._touched = self._touched or set(), set()
        while self._over and self._over[0][0] <= long_ago:
            touched.add(heapq.heappop(self._over)[1])
        sessions = self._engine.published.sessions
        touched.update(session_id for session_id in self._messages if session_id not in sessions)  # forgotten
        for session_id in touched:
            self._look_at(session_id, long_ago)
        if len(self._over) > 64 + 2 * len(self._messages):  # most of them were forgotten while the clock stood
            self._over = sorted({entry for entry in self._over if entry[1] in self._messages})
        return [message for _, _, message in self._messages.values()]

    def _look_at(self, session_id: str, long_ago: datetime) -> None:
        session = self._engine.published.sessions.get(session_id)
        if session is None or not _is_listed(session, long_ago):
            self._messages.pop(session_id, None)
            return
        record, known = self._engine.records.of(session_id), self._messages.get(session_id)
        if known is None or known[0] is not session or known[1] is not record:
            self._messages[session_id] = session, record, facts.session(session, record)
        if session.ended_at is not None and session.ended_at > long_ago:
            heapq.heappush(self._over, (session.ended_at, session_id))


def _is_listed(session: Session, long_ago: datetime) -> bool:
    return session.ended_at is None or bool(session.entries) or session.ended_at > long_ago
