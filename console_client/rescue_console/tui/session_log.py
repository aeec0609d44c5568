"""What happened to each session so far, as this console saw it: one `StatusChange` for every status. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from rescue_client.records import EntryChanged, SessionHistory, Snapshot, StatusChange, Update

SESSIONS_KEPT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLog:
    """The changes of each session, oldest first; those of sessions that left the queue as well, for a while."""

    revision: int = -1
    history: str = ""
    sessions: Mapping[str, tuple[StatusChange, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, session: str) -> tuple[StatusChange, ...]:
        """Return the changes of a session, oldest first."""
        return self.sessions.get(session, ())

    def after(self, update: Update) -> SessionLog:
        """Return the history with one more update; an update of before its revision changes nothing."""
        match update:
            case Snapshot():
                return self._listed(update)
            case EntryChanged(entry=entry) if update.revision > self.revision:
                change = StatusChange(
                    revision=update.revision,
                    at=update.at,
                    status=entry.status,
                    previous=update.previous,
                    row=update.row,
                    cause=update.cause,
                )
                kept = {**self.sessions, entry.session: (*self.of(entry.session), change)}
                return replace(self, revision=update.revision, sessions=_bounded(kept))
        return self

    def recalled(self, session: str, past: SessionHistory) -> SessionLog:
        """Return the history with a session's records from the journal; what came after that stays."""
        since = tuple(change for change in self.of(session) if change.seen and change.revision > past.revision)
        if not past.changes:
            return self
        kept = {**self.sessions, session: (*past.changes, *since)}
        return replace(self, sessions=_bounded(kept))

    def _listed(self, snapshot: Snapshot) -> SessionLog:
        # What happened to a session in another history did not happen in this one.
        kept = dict(self.sessions) if snapshot.history == self.history else {}
        for entry in snapshot.entries:
            known = kept.get(entry.session, ())
            if not known or known[-1].status is not entry.status:
                found = StatusChange(at=entry.since or snapshot.at, status=entry.status, seen=False)
                kept[entry.session] = (*known, found)
        return SessionLog(revision=snapshot.revision, history=snapshot.history, sessions=_bounded(kept))


def _bounded(sessions: dict[str, tuple[StatusChange, ...]]) -> Mapping[str, tuple[StatusChange, ...]]:
    while len(sessions) > SESSIONS_KEPT:
        del sessions[next(iter(sessions))]
    return MappingProxyType(sessions)
