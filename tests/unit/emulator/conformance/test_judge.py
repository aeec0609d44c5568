"""The judge finds every way in which a console can be wrong, and names the console."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from rescue_emulator.conformance.row_scenarios import read_scenarios
from rescue_emulator.scenarios.judge import find_deviations
from rescue_protos.status_table import labels, row_of

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An update as a console would print it."""

    status: str
    previous: str | None
    row: int | None
    label: str
    revision: int
    at: datetime


def printed(*statuses: str, lang: str = "en") -> list[Line]:
    """A flawless console's updates for these statuses."""
    before = (None, *statuses)
    return [
        Line(
            status=status,
            previous=before[number],
            row=row_of(before[number] or "", status),
            label=labels(lang)[status],
            revision=10 + number,
            at=BEGAN + timedelta(minutes=number),
        )
        for number, status in enumerate(statuses)
    ]


(WAITING_LOST,) = read_scenarios(6)
RIGHT = printed("Connecting", "Waiting", "Reconnecting")


def test_the_right_changes_are_right() -> None:
    assert find_deviations(WAITING_LOST, {"alice": RIGHT, "bob": []}, lang="en") == ()


def test_a_missing_change_is_named_with_what_should_have_been_seen() -> None:
    (fault,) = find_deviations(WAITING_LOST, {"alice": RIGHT[:2], "bob": []}, lang="en")
    assert fault == (
        "alice saw Connecting > Waiting (1) and should have seen Connecting > Waiting (1) > Reconnecting (6)"
    )


def test_a_change_too_many_is_a_fault_even_if_the_table_has_it() -> None:
    seen = printed("Connecting", "Waiting", "Reconnecting", "Waiting")
    (fault,) = find_deviations(WAITING_LOST, {"alice": seen}, lang="en")
    assert "Reconnecting (6) > Waiting (26) and should" in fault


def test_a_console_that_should_see_nothing_must_see_nothing() -> None:
    (fault,) = find_deviations(WAITING_LOST, {"alice": RIGHT, "bob": printed("Incoming")}, lang="en")
    assert fault == "bob saw Incoming and should have seen nothing"


def test_a_console_that_was_not_there_saw_nothing() -> None:
    (fault,) = find_deviations(WAITING_LOST, {}, lang="en")
    assert fault.startswith("alice saw nothing and should have seen Connecting")


@pytest.mark.parametrize(
    ("flaw", "says"),
    [
        ({"previous": "Active"}, "came when the queue showed Waiting"),
        ({"row": 12}, "is not row 12 of the table"),
        ({"label": "Bezig"}, "Reconnecting is labelled 'Bezig', not 'Reconnecting'"),
        ({"revision": 11}, "has revision 11 after 11"),
        ({"at": BEGAN}, "happened before what came before it"),
    ],
)
def test_an_update_that_does_not_fit_is_a_fault(flaw: dict[str, object], says: str) -> None:
    seen = [*RIGHT[:2], replace(RIGHT[2], **flaw)]  # type: ignore[arg-type]
    faults = find_deviations(WAITING_LOST, {"alice": seen}, lang="en")
    assert any(fault.startswith("alice") and says in fault for fault in faults), faults


def test_a_change_that_the_table_does_not_have_is_a_fault_of_its_own() -> None:
    seen = printed("Connecting", "Waiting", "Closed")
    faults = find_deviations(WAITING_LOST, {"alice": seen}, lang="en")
    assert "alice: Waiting > Closed is not in the table" in faults


def test_labels_are_judged_in_the_language_of_the_consoles() -> None:
    dutch = printed("Connecting", "Waiting", "Reconnecting", lang="nl")
    assert find_deviations(WAITING_LOST, {"alice": dutch}, lang="nl") == ()
    assert len(find_deviations(WAITING_LOST, {"alice": RIGHT}, lang="nl")) == 3
