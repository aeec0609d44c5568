"""How every console minds its technician."""

from __future__ import annotations

import pytest

from rescue_console.labels import Labels
from rescue_console.manners import END_FOR_ALL, LEAVE, before_ending
from rescue_console.records import Entry, Status


@pytest.mark.parametrize("status", [status for status in Status if not status.gone])
def test_whoever_could_end_something_is_asked_first(status: Status) -> None:
    over = status in (Status.CLOSED, Status.TIMED_OUT)
    question = "" if over else LEAVE if status is Status.COLLABORATING else END_FOR_ALL
    assert before_ending(Entry(session="1", status=status)) == question


def test_the_questions_are_asked_in_dutch() -> None:
    dutch = Labels.of("nl")
    assert all(dutch.text(question) != question for question in (LEAVE, END_FOR_ALL))
