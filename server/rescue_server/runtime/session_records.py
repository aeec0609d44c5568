"""The records of all sessions that the store has, made from the journal as it is read and as it grows."""

from __future__ import annotations

import msgspec

from rescue_server.core.organization import OrganizationEvent
from rescue_server.core.session_record import SessionRecord, follow
from rescue_server.runtime.packed_mapping import PackedMapping
from rescue_server.runtime.state import AppliedEvent

_NEW = SessionRecord()


class Records(PackedMapping[SessionRecord]):
    """Records by session."""

    decoder = msgspec.msgpack.Decoder(SessionRecord)


class SessionRecords:
    """One record for each session."""

    def __init__(self) -> None:
        self._records = Records()

    def record(self, applied: AppliedEvent) -> None:
        """Follow a published event."""
        if applied.after is None or isinstance(applied.event, OrganizationEvent):
            return
        known = self._records.get(applied.after.id, _NEW)
        self._records[applied.after.id] = follow(known, applied.before, applied.event, applied.after)

    def copy(self) -> Records:
        """Return the records by session."""
        return self._records.copy()

    def assign(self, records: Records) -> None:
        """Take these records, by session."""
        self._records = records.copy()

    def of(self, session: str) -> SessionRecord:
        """Return the record of a session that the state has."""
        return self._records.get(session, _NEW)

    def forget(self, session: str) -> None:
        """Drop the record of a session that the store does not have any more."""
        self._records.pop(session, None)
