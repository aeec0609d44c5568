"""The sessions that the public API lists, as messages. Each is translated again only after it changed."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

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
    """A session that is listed no more comes back by an event alone, so only the listed and the touched are looked at.

    Many more that are over may be kept for reports. They are all looked at once, before the first answer.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._messages: dict[str, _Message] = {}
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
        known = list(self._engine.published.sessions.values())
        for start in range(0, len(known), _PORTION):
            await asyncio.sleep(0)
            long_ago = self._engine.clock.now() - LISTED_AFTER_END
            for session in known[start : start + _PORTION]:
                if _is_listed(session, long_ago):
                    self._touched.add(session.id)
                    self._messages[session.id] = self._message(session)
        self._is_prepared = True

    def messages(self, now: datetime) -> list[pb.SessionFacts]:
        """Return the messages of what is listed now, as it is published."""
        sessions, long_ago = self._engine.published.sessions, now - LISTED_AFTER_END
        asked = self._messages.keys() | (self._touched or set())
        found = (sessions.get(session_id) for session_id in asked)
        listed = [session for session in found if session is not None and _is_listed(session, long_ago)]
        self._messages = {session.id: self._message(session) for session in listed}
        self._touched = set()
        return [message for _, _, message in self._messages.values()]

    def _message(self, session: Session) -> _Message:
        record, known = self._engine.records.of(session.id), self._messages.get(session.id)
        if known is not None and known[0] is session and known[1] is record:
            return known
        return session, record, facts.session(session, record)


def _is_listed(session: Session, long_ago: datetime) -> bool:
    return session.ended_at is None or bool(session.entries) or session.ended_at > long_ago
