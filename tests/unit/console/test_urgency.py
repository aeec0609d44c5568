"""How every console minds its technician."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rescue_client.records import Entry, Status
from rescue_console.labels import Labels
from rescue_console.urgency import END_FOR_ALL, LEAVE, before_ending, urgent_from

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(("period", "notice"), [(60, 15), (120, 24), (300, 60), (600, 120), (7200, 120)])
def test_an_entry_is_urgent_in_the_last_fifth_of_its_period_within_bounds(period: int, notice: int) -> None:
    due = NOON + timedelta(seconds=period)
    entry = Entry(session="1", status=Status.WAITING, since=NOON, joined_at=NOON, due_at=due)
    assert urgent_from(entry) == due - timedelta(seconds=notice)


def test_a_session_that_came_back_has_waited_since_its_customer_joined() -> None:
    due, back = NOON + timedelta(minutes=5), NOON + timedelta(minutes=4)
    entry = Entry(session="1", status=Status.WAITING, since=back, joined_at=NOON, due_at=due)
    assert urgent_from(entry) == back


def test_what_does_not_time_out_is_never_urgent() -> None:
    assert urgent_from(Entry(session="1", status=Status.ACTIVE, since=NOON)) is None


@pytest.mark.parametrize("status", [status for status in Status if not status.gone])
def test_whoever_could_end_something_is_asked_first(status: Status) -> None:
    over = status in (Status.CLOSED, Status.TIMED_OUT)
    question = "" if over else LEAVE if status is Status.COLLABORATING else END_FOR_ALL
    assert before_ending(Entry(session="1", status=status)) == question


def test_the_questions_are_asked_in_dutch() -> None:
    dutch = Labels.of("nl")
    assert all(dutch.text(question) != question for question in (LEAVE, END_FOR_ALL))
