"""History, timeline and wording: what is drawn, before anything is drawn."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rescue_client.clock import ClockReading, EmulatedClock
from rescue_client.records import Bookmark, Entry, ServerBack, SessionHistory, Snapshot, Status, StatusChange
from rescue_common.durations import format_elapsed
from rescue_console.labels import Labels
from rescue_console.tui import status_bar
from rescue_console.tui.history_backlog import HistoryBacklog
from rescue_console.tui.session_log import SessionLog
from rescue_console.tui.texts import SIGNS, Sentences, is_urgent
from tests.e2e.tui.pictures import NOON, busy_queue


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def told() -> SessionLog:
    history = SessionLog()
    for update in busy_queue():
        history = history.after(update)
    return history


def test_every_change_is_kept_in_order_and_none_twice() -> None:
    once = told()
    statuses = [change.status.value for change in once.of("1007")]
    assert statuses == ["Connecting", "Waiting", "Active", "Reconnecting", "Active"]
    again = once
    for update in busy_queue()[1:]:
        again = again.after(update)
    assert again == once


def test_a_snapshot_adds_only_what_was_missed() -> None:
    listed = Snapshot(revision=50, at=NOON, entries=(Entry(session="1007", status=Status.OFFLINE, since=NOON),))
    missed = told().after(listed).of("1007")[-1]
    assert (missed.status, missed.seen, missed.cause) == (Status.OFFLINE, False, None)
    assert told().after(listed).after(listed) == told().after(listed)


@pytest.mark.parametrize("width", [38, 84])
def test_the_timeline_is_as_wide_as_asked_and_each_stretch_as_long_as_it_lasted(width: int) -> None:
    changes = told().of("1007")
    stretches = status_bar.stretches(changes, NOON + minutes(12), width)
    assert sum(cells for _, cells in stretches) == width
    assert [change for change, _ in stretches] == list(changes)
    assert max(stretches, key=lambda stretch: stretch[1])[0] is changes[-1]
    drawn = status_bar.bar(changes, NOON + minutes(12), width).plain
    assert len(drawn) == width
    assert [sign for sign in drawn if sign != "━"] == [SIGNS[change.status] for change in changes]


def test_a_long_story_shows_its_newest_part() -> None:
    changes = [StatusChange(at=NOON + minutes(n), status=Status.ACTIVE) for n in range(100)]
    stretches = status_bar.stretches(changes, NOON + minutes(100), 20)
    assert [change for change, _ in stretches] == changes[-10:]


def test_each_status_has_a_sign_of_its_own() -> None:
    shown = [SIGNS[status] for status in Status if not status.gone]
    assert len(set(shown)) == len(shown)


@pytest.mark.parametrize(("language", "why", "setting"), [("en", "silent", "reconnect period: 1m"),
                                                           ("nl", "niets laten horen", "verbinden: 1m")])  # fmt: skip
def test_a_change_says_why_in_the_technicians_language(language: str, why: str, setting: str) -> None:
    cause, row = Sentences(Labels.of(language)).why(told().of("1007")[3])
    assert why in cause
    assert setting in cause
    assert "12: " in row
    assert len(row) > 20


@pytest.mark.parametrize(("left", "urgent"), [(2.1, False), (2, True), (0, True)])
def test_an_entry_is_urgent_from_a_moment_on(left: float, urgent: bool) -> None:
    entry = Entry(session="1", status=Status.WAITING, since=NOON, joined_at=NOON, due_at=NOON + minutes(20))
    assert is_urgent(entry, NOON + minutes(20 - left)) is urgent


def test_periods_are_written_as_a_clock() -> None:
    spans = [timedelta(seconds=seconds) for seconds in (-5, 7, 754, 3723, 176_461)]
    assert [format_elapsed(span) for span in spans] == ["0:00", "0:07", "12:34", "1:02:03", "2d 01:01:01"]


def test_the_clock_goes_on_between_readings_and_stands_while_the_server_is_away() -> None:
    real = [0.0]
    clock = EmulatedClock(real=lambda: real[0])
    assert clock.now is None
    clock.update(ClockReading(now=NOON, speed=60))
    real[0] = 2.0
    assert clock.now == NOON + minutes(2)
    clock.update(None)
    real[0] = 60.0
    assert clock.now == NOON + minutes(2)


def test_the_journal_is_asked_once_after_each_listing_and_again_when_the_server_was_away() -> None:
    backlog = HistoryBacklog()
    assert not backlog.take("1007"), "nothing was listed yet"
    listed = Snapshot(revision=50, at=NOON, entries=(Entry(session="1007", status=Status.OFFLINE, since=NOON),))
    for _ in range(2):
        backlog.receive(listed)
        assert backlog.take("1007")
        backlog.receive(Bookmark(revision=51))
        assert not backlog.take("1007")
        assert not backlog.take("1008"), "the watch brought it, with all that there was"
    backlog.failed("1007")
    assert not backlog.take("1007")
    backlog.receive(ServerBack())
    assert backlog.take("1007")


def test_what_the_journal_tells_takes_the_place_of_what_was_only_found() -> None:
    listed = Snapshot(revision=50, at=NOON, entries=(Entry(session="1007", status=Status.OFFLINE, since=NOON),))
    found = SessionLog().after(listed)
    waiting = StatusChange(revision=4, at=NOON, status=Status.WAITING)
    offline = StatusChange(revision=50, at=NOON, status=Status.OFFLINE, previous=Status.WAITING)
    came = StatusChange(revision=51, at=NOON, status=Status.ACTIVE, previous=Status.OFFLINE, row=29)
    grown = SessionLog(revision=51, sessions={"1007": (*found.of("1007"), came)})
    assert grown.recalled("1007", SessionHistory(revision=50, changes=(waiting, offline))).of("1007") == (
        waiting,
        offline,
        came,
    )
    whole = SessionHistory(revision=51, changes=(waiting, offline, came))
    assert grown.recalled("1007", whole).of("1007") == (waiting, offline, came), "none twice"
    assert grown.recalled("1007", SessionHistory(revision=51, changes=())) == grown, "forgotten by the journal"
