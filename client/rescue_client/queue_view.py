"""The queue after the updates of a watch; every console shows it.

It is pure: `view.after(update)` returns the next view. An update with a revision that the view already has changes
nothing, so it does no harm to apply an update twice, or one from before a snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeVar

from rescue_client.records import (
    Bookmark,
    ChatReceived,
    Entry,
    EntryChanged,
    EntryDetails,
    IdleAlarm,
    LeadOfferReceived,
    ServerBack,
    ServerLost,
    SessionHistory,
    Snapshot,
    UnknownUpdate,
    Update,
)

CHAT_LINES_KEPT = 200

_BEGINNING = datetime.min.replace(tzinfo=UTC)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """One technician's queue.

    `revision` is that of the last update, None before the first snapshot; it belongs to the history `history`. `online`
    is True while the watch has the server. `chats` has the last lines of each session in the queue. `alarms` has the
    time-out of each entry with an alarm.
    """

    technician: str
    revision: int | None = None
    history: str = ""
    online: bool = True
    entries: Mapping[str, Entry] = field(default_factory=lambda: MappingProxyType({}))
    chats: Mapping[str, tuple[ChatReceived, ...]] = field(default_factory=lambda: MappingProxyType({}))
    alarms: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))

    def in_order(self) -> tuple[Entry, ...]:
        """Return the entries, the oldest session first."""
        return tuple(sorted(self.entries.values(), key=lambda entry: (entry.created_at or _BEGINNING, entry.session)))

    def lead_is_offered(self, session: str) -> bool:
        """Return whether this technician can accept the lead of a session."""
        entry = self.entries.get(session)
        return entry is not None and entry.lead_offered_to == self.technician

    def after(self, update: Update) -> QueueView:
        """Return the view with one more update applied."""
        match update:
            case ServerLost():
                return replace(self, online=False)
            case ServerBack():
                return replace(self, online=True)
            case Snapshot():
                return self._replaced_by(update)
        if self.revision is not None and update.revision <= self.revision:
            return self
        match update:
            case EntryChanged(entry=entry) if entry.status.gone:
                view = self._without(entry.session)
            case EntryChanged(entry=entry) | EntryDetails(entry=entry):
                view = self._with(entry)
            case ChatReceived(session=session):
                view = self if update.entry is None else self._with(update.entry)
                view = view._with_lines(session, (update,))
            case IdleAlarm(session=session, due_at=due_at):
                view = replace(self, alarms=_put(self.alarms, session, due_at))
            case LeadOfferReceived(entry=Entry() as entry):
                view = self._with(entry)
            case LeadOfferReceived() | UnknownUpdate() | Bookmark():
                view = self
        return replace(view, revision=update.revision)

    def with_history(self, session: str, history: SessionHistory) -> QueueView:
        """Return the view with the chat lines of a session from the journal; no line is added twice."""
        if not history.chat or session not in self.entries:
            return self
        return self._with_lines(session, history.chat)

    def _replaced_by(self, snapshot: Snapshot) -> QueueView:
        entries = {entry.session: entry for entry in snapshot.entries}
        if snapshot.history != self.history:  # what was known of a session is of another history
            self = replace(self, chats=MappingProxyType({}), alarms=MappingProxyType({}))
        return replace(
            self,
            revision=snapshot.revision,
            history=snapshot.history,
            entries=MappingProxyType(entries),
            chats=MappingProxyType({s: lines for s, lines in self.chats.items() if s in entries}),
            alarms=MappingProxyType(
                {s: due for s, due in self.alarms.items() if s in entries and entries[s].due_at == due}
            ),
        )

    def _with(self, entry: Entry) -> QueueView:
        # An alarm ends when the entry's time-out moves.
        stands = self.alarms.get(entry.session) == entry.due_at
        return replace(
            self,
            entries=_put(self.entries, entry.session, entry),
            alarms=self.alarms if stands else _drop(self.alarms, entry.session),
        )

    def _with_lines(self, session: str, lines: Iterable[ChatReceived]) -> QueueView:
        # The journal may be ahead of the watch, which then delivers a line that is already here.
        known = {line.revision: line for line in (*self.chats.get(session, ()), *lines)}
        kept = tuple(known[revision] for revision in sorted(known))[-CHAT_LINES_KEPT:]
        return replace(self, chats=_put(self.chats, session, kept))

    def _without(self, session: str) -> QueueView:
        return replace(
            self,
            entries=_drop(self.entries, session),
            chats=_drop(self.chats, session),
            alarms=_drop(self.alarms, session),
        )


def _put(mapping: Mapping[str, Value], key: str, value: Value) -> Mapping[str, Value]:
    return MappingProxyType({**mapping, key: value})


def _drop(mapping: Mapping[str, Value], key: str) -> Mapping[str, Value]:
    return MappingProxyType({k: v for k, v in mapping.items() if k != key}) if key in mapping else mapping
