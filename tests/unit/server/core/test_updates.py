"""The updates of one event for all queues together."""

from __future__ import annotations

from rescue_server.core import events
from rescue_server.core.queue import updates
from rescue_server.core.session import apply
from tests.unit.server.core.session_builder import SessionBuilder


def test_all_queues_share_one_list_of_participants(builder: SessionBuilder) -> None:
    """Otherwise each ring of a channel of 100 technicians keeps the same 100 names for each event."""
    event = events.ChatSent(at=builder.now, session=builder.session.id, technician="alice", text="hello")
    found = updates(builder.session, event, apply(builder.session, event), builder.organization)
    entries = [update.entry for update in found.values() if update.entry is not None]
    assert len(entries) == 3
    assert len(entries[0].participants) == 3
    assert len({id(entry.participants) for entry in entries}) == 1
