"""The updates of one event for all queues together."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from rescue_server.core import events
from rescue_server.core.customer_side import start_through_channel
from rescue_server.core.decide import Context
from rescue_server.core.organization import Organization
from rescue_server.core.queue import QueueEntry, Transition, entry_of, updates
from rescue_server.core.session import Session, apply
from rescue_server.settings import SessionSettings
from tests.unit.server.core.session_builder import START, SessionBuilder, joined


def test_all_queues_share_one_list_of_participants(builder: SessionBuilder) -> None:
    """Otherwise each ring of a channel of 100 technicians keeps the same 100 names for each event."""
    event = events.ChatSent(at=builder.now, session=builder.session.id, technician="alice", text="hello")
    found = updates(builder.session, event, apply(builder.session, event), builder.organization)
    entries = [update.entry for update in found.values() if update.entry is not None]
    assert len(entries) == 3
    assert len(entries[0].participants) == 3
    assert len({id(entry.participants) for entry in entries}) == 1


def channel_session(technicians: int) -> tuple[Session, Organization]:
    """A session that waits in the queues of so many technicians of a channel."""
    names = {f"t{number:05}": "Support" for number in range(technicians)}
    organization = Organization(
        technicians=names, channels={"Web": ("Support",)}, settings={"channel:Web": SessionSettings()}
    )
    context = Context(organization=organization, in_focus=frozenset(), now=START)
    made = start_through_channel(session="1", channel="Web", customer="Jan", ticket_hash="h", context=context)
    return apply(None, made[0]), organization


def test_technicians_who_wait_do_not_see_each_other() -> None:
    session, organization = channel_session(3)
    assert entry_of(session, "t00000", organization).participants == ()


def test_who_takes_part_sees_all_and_who_waits_sees_those_who_take_part() -> None:
    play = joined()
    play.do("alice transfer group:Network")
    seen = {
        name: [one.technician for one in entry_of(play.session, name, play.organization).participants]
        for name in ("alice", "dave", "erin")
    }
    assert seen == {"alice": ["alice", "dave", "erin"], "dave": ["alice"], "erin": ["alice"]}


def test_all_for_whom_an_event_makes_no_difference_share_the_update(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event of a channel's session costs the work of one update, however many wait for it."""
    steps: dict[int, int] = {}
    made = Counter[str]()
    line = Transition.line

    def counted(self: Transition, technician: str) -> QueueEntry:
        made["lines"] += 1
        return line(self, technician)

    monkeypatch.setattr(Transition, "line", counted)
    for technicians in (10, 1000):
        made.clear()
        session, organization = channel_session(technicians)
        event = events.AppletJoined(at=START, session=session.id)
        found = updates(session, event, apply(session, event), organization)
        assert len(found) == technicians
        assert len({id(update) for update in found.values()}) == 1
        steps[technicians] = made["lines"]
    assert steps[10] == steps[1000] == 1


def test_who_waits_shares_an_entry_with_the_others_through_every_event() -> None:
    session, organization = channel_session(1000)
    session = apply(session, events.AppletJoined(at=START, session=session.id))
    session = apply(session, events.LinkLost(at=START, session=session.id, period=timedelta(minutes=1)))
    assert len({id(entry) for entry in session.entries.values()}) == 1
    focused = events.FocusChanged(at=START, session=session.id, technician="t00000", focused=True)
    after = apply(session, focused)
    assert len({id(entry) for entry in after.entries.values()}) == 2
    assert updates(session, focused, after, organization) == {}, "who waits sees nothing of it"
