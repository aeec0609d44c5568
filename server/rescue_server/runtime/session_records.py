"""The records of all sessions that the store has, made from the journal as it is read and as it grows."""

from __future__ import annotations

from collections.abc import Mapping

from rescue_server.core.organization import OrganizationEvent
from rescue_server.core.session_record import SessionRecord, follow
from rescue_server.runtime.state import AppliedEvent

_NEW = SessionRecord()


class SessionRecords:
    """One record for each session."""

    def __init__(self) -> None:
        self._records: dict[str, SessionRecord] = {}

    def record(self, applied: AppliedEvent) -> None:
        """Follow a published event."""
        if applied.after is None or isinstance(applied.event, OrganizationEvent):
            return
        known = self._records.get(applied.after.id, _NEW)
        self._records[applied.after.id] = follow(known, applied.before, applied.event, applied.after)

    def copy(self) -> dict[str, SessionRecord]:
        """Return the records by session."""
        return dict(self._records)

    def assign(self, records: Mapping[str, SessionRecord]) -> None:
        """Take these records, by session."""
        self._records = dict(records)

    def of(self, session: str) -> SessionRecord:
        """Return the record of a session that the state has."""
        return self._records.get(session, _NEW)

    def forget(self, session: str) -> None:
        """Drop the record of a session that the store does not have any more."""
        self._records.pop(session, None)
