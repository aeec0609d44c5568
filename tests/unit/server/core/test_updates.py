"""What the queues are told of one event, taken together."""

from __future__ import annotations

from rescue_server.core import events
from rescue_server.core.queue import updates
from rescue_server.core.session import apply
from tests.unit.server.core.one_session import Play


def test_who_takes_part_is_told_to_all_and_kept_once(play: Play) -> None:
    """Found: of a channel of a hundred technicians each ring kept a hundred times who they are."""
    event = events.ChatSent(at=play.now, session=play.session.id, technician="alice", text="hello")
    told = updates(play.session, event, apply(play.session, event), play.organization)
    entries = [update.entry for update in told.values() if update.entry is not None]
    assert len(entries) == 3
    assert len(entries[0].participants) == 3
    assert len({id(entry.participants) for entry in entries}) == 1
