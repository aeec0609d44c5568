"""Recovery of the state from the journal at the start of the server.

A store with undamaged rows can still hold events that this program does not understand: those of a later version, or
of a session that no event created. Going on with a part of the state would lose sessions silently, so the server does
not start.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import msgspec

from rescue_protos.errors import RescueError
from rescue_server.core.organization import SecretChanged, TechnicianDeleted
from rescue_server.core.queue import QueueUpdate
from rescue_server.core.session import UnknownSession
from rescue_server.core.transitions import UnlistedChange
from rescue_server.runtime.chat_log import ChatLog
from rescue_server.runtime.checkpoint import Checkpoints
from rescue_server.runtime.session_records import SessionRecords
from rescue_server.runtime.state import AppliedEvent, EngineState, read_event, updates_of
from rescue_server.runtime.watch import Watch
from rescue_server.store.errors import JournalUnreadable
from rescue_server.store.protocol import Store, StoredEvent

log = logging.getLogger(__name__)
REPLAYED_INTO_RINGS = 20_000  # events; who resumes after an older revision gets a snapshot
# What is raised by a body that is not a known event, or that does not fit the events before it.
_NOT_UNDERSTOOD = (msgspec.MsgspecError, UnlistedChange, UnknownSession, RescueError, LookupError, ValueError)


def replay(
    store: Store,
    state: EngineState,
    watch: Watch,
    chats: ChatLog,
    records: SessionRecords,
    checkpoints: Checkpoints,
) -> None:
    """Apply the journal to an empty state, and publish its latest updates to the rings; keep chats and records.

    With a checkpoint only the events after it are read. Raises JournalUnreadable, which names the event; StoreError.
    """
    checkpoints.begin(state, chats, records)
    began_at = state.revision
    last = store.last_revision()
    tail = max(last - REPLAYED_INTO_RINGS, store.compacted_through(), state.revision)
    watch.oldest = tail
    is_kept = False
    for stored in store.read(state.revision):
        if not is_kept and stored.revision > last - checkpoints.behind:
            checkpoints.keep()
            is_kept = True
        applied, updates = understood(state, stored, shown=stored.revision > tail)
        publish(watch, applied, updates)
        chats.record(applied)
        records.record(applied)
    log.info("%d events were replayed, those after revision %d", last - began_at, began_at)
    state.revision = watch.revision = last
    state.last_session = max(state.last_session, store.identity().last_session)


def understood(
    state: EngineState, stored: StoredEvent, *, shown: bool = True
) -> tuple[AppliedEvent, Mapping[str, QueueUpdate]]:
    """Apply an event of the journal to the state, and return what queues show then. Raises JournalUnreadable."""
    try:
        applied = state.apply(read_event(stored), stored.revision)
        return applied, updates_of(applied) if shown else {}
    except _NOT_UNDERSTOOD as error:
        why = str(error) or type(error).__name__
        raise JournalUnreadable(revision=stored.revision, stream=stored.stream, why=why) from error


def publish(watch: Watch, applied: AppliedEvent, updates: Mapping[str, QueueUpdate]) -> None:
    """Publish an event's updates, and wake the watches of users who may not watch any more."""
    watch.publish(applied.revision, updates)
    match applied.event:
        case TechnicianDeleted(name=name):
            watch.disconnect(name)
            watch.wake(name)
        case SecretChanged(user=user):
            watch.wake(user)
