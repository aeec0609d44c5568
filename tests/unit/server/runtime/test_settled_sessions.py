"""Sessions of which nothing is left to happen may go the oldest first, and only so many are taken at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rescue_server.core.session import Session
from rescue_server.runtime.settled_sessions import SettledSessions

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def settled(count: int) -> SettledSessions:
    """The first session ended last; each was settled a real second after the one before."""
    sessions = SettledSessions()
    for number in range(count):
        ended = NOON - number * MINUTE
        session = Session(
            id=str(1001 + number), owner="group:Support", created_at=ended, ended_at=ended, link_since=ended
        )
        sessions.add(session, float(number))
    return sessions


@pytest.mark.parametrize(("ended_by", "settled_by", "most"), [(NOON, -1, 100), (NOON - 101 * MINUTE, -1, 0)])
def test_so_many_are_taken_at_once_and_the_others_the_next_times(
    ended_by: datetime, settled_by: float, most: int
) -> None:
    sessions, taken = settled(100), list[str]()
    while due := sessions.due(ended_by=ended_by, settled_by=settled_by, most=most, known_by=100, at_once=30):
        assert len(due) <= 30
        taken += due
        for session in due:
            sessions.discard(session)
    assert taken == [str(number) for number in range(1100, 1000, -1)]


def test_those_that_are_settled_for_long_are_taken_in_the_order_of_that() -> None:
    sessions = settled(100)
    due = sessions.due(ended_by=NOON - 101 * MINUTE, settled_by=49, most=100, known_by=100, at_once=30)
    assert due == {str(number): False for number in range(1001, 1031)}
