"""The queue as of the updates applied."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rescue_client.queue_view import CHAT_LINES_KEPT, QueueView
from rescue_client.records import (
    Bookmark,
    Cause,
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
    Status,
    Update,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CAUSE = Cause(text="a test said so")


def listed(revision: int, *entries: Entry) -> Snapshot:
    return Snapshot(revision=revision, at=NOON, entries=entries)


def changed(revision: int, entry: Entry, previous: Status | None = None) -> EntryChanged:
    return EntryChanged(revision=revision, at=NOON, cause=CAUSE, entry=entry, previous=previous, row=None)


def said(revision: int, session: str = "s1") -> ChatReceived:
    return ChatReceived(revision=revision, at=NOON, session=session, sender="bob", text=f"line {revision}")


def view_with(*entries: Entry, revision: int = 10) -> QueueView:
    return QueueView(technician="alice").after(listed(revision, *entries))


WAITING = Entry(session="s1", status=Status.WAITING)


def test_a_snapshot_replaces_everything_even_an_older_one() -> None:
    view = view_with(WAITING).after(listed(3, Entry(session="s2", status=Status.ACTIVE)))
    assert list(view.entries) == ["s2"]
    assert view.revision == 3


def test_a_change_shows_and_a_removal_takes_the_entry_and_its_chat_away() -> None:
    view = view_with(WAITING).after(said(11)).after(changed(12, replace(WAITING, status=Status.ACTIVE)))
    assert view.entries["s1"].status is Status.ACTIVE
    assert [line.revision for line in view.chats["s1"]] == [11]
    for status in (Status.REMOVED, Status.REMOVED_TIMED_OUT):
        gone = view.after(changed(13, replace(WAITING, status=status)))
        assert (dict(gone.entries), dict(gone.chats)) == ({}, {})


@pytest.mark.parametrize("revision", [9, 10])
def test_what_was_seen_already_changes_nothing(revision: int) -> None:
    view = view_with(WAITING)
    stale = changed(revision, replace(WAITING, status=Status.REMOVED))
    assert view.after(stale) is view
    assert view.after(said(revision)) is view


def test_applying_all_updates_twice_is_applying_them_once() -> None:
    updates: list[Update] = [changed(11, WAITING), said(12), said(13), Bookmark(revision=14), said(15)]
    once = view_with()
    for update in updates:
        once = once.after(update)
    twice = view_with()
    for update in updates:
        twice = twice.after(update).after(update)
    for update in updates:
        twice = twice.after(update)
    assert twice == once
    assert once.revision == 15


def test_the_oldest_session_is_listed_first() -> None:
    view = view_with(
        Entry(session="a", status=Status.WAITING, created_at=NOON),
        Entry(session="c", status=Status.WAITING, created_at=NOON - timedelta(hours=1)),
        Entry(session="b", status=Status.WAITING, created_at=NOON - timedelta(hours=1)),
    )
    assert [entry.session for entry in view.in_order()] == ["b", "c", "a"]


def test_an_alarm_stands_until_its_moment_no_longer_does() -> None:
    due = NOON + timedelta(minutes=1)
    threatened = replace(WAITING, due_at=due)
    alarm = IdleAlarm(revision=11, at=NOON, cause=CAUSE, session="s1", due_at=due)
    view = view_with(threatened).after(alarm)
    assert dict(view.alarms) == {"s1": due}

    same = EntryDetails(revision=12, at=NOON, cause=CAUSE, entry=replace(threatened, comment="x"))
    assert dict(view.after(same).alarms) == {"s1": due}
    saved = EntryDetails(revision=12, at=NOON, cause=CAUSE, entry=replace(threatened, due_at=None))
    assert dict(view.after(saved).alarms) == {}


def test_only_who_was_offered_the_lead_can_accept_it() -> None:
    offer = LeadOfferReceived(revision=12, at=NOON, cause=CAUSE, session="s1", sender="bob")
    mine = view_with(replace(WAITING, lead_offered_to="alice")).after(offer)
    assert mine.lead_is_offered("s1")
    assert not view_with(replace(WAITING, lead_offered_to="carol")).lead_is_offered("s1")
    assert not mine.lead_is_offered("s2")


def test_only_the_last_chat_lines_are_kept() -> None:
    view = view_with(WAITING)
    for revision in range(11, 11 + CHAT_LINES_KEPT + 5):
        view = view.after(said(revision))
    assert len(view.chats["s1"]) == CHAT_LINES_KEPT
    assert view.chats["s1"][-1].revision == view.revision


def test_chat_from_the_journal_stands_in_its_place_and_no_line_twice() -> None:
    view = view_with(WAITING).after(said(11))
    recalled = view.with_history("s1", SessionHistory(revision=12, changes=(), chat=(said(4), said(11), said(12))))
    assert [line.revision for line in recalled.chats["s1"]] == [4, 11, 12]
    heard = recalled.after(said(12)).after(said(13))
    assert [line.revision for line in heard.chats["s1"]] == [4, 11, 12, 13]
    assert heard.revision == 13
    gone = view.with_history("s2", SessionHistory(revision=12, changes=(), chat=(said(4, "s2"),)))
    assert gone == view, "the session left the queue meanwhile"


def test_a_lost_server_leaves_the_queue_as_it_was() -> None:
    view = view_with(WAITING)
    lost = view.after(ServerLost(reason="gone"))
    assert (lost.online, lost.entries, lost.revision) == (False, view.entries, 10)
    assert lost.after(ServerBack()) == view
