"""Outcomes: kept in the order of the rows, told in JSON and on a page, and which rows a person may ask for."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from rescue_emulator.cli.conformance import Rows, conformance
from rescue_emulator.conformance.report import as_html, as_json
from rescue_emulator.conformance.row_scenarios import read_scenarios
from rescue_emulator.conformance.runner import OrderedOutcomes, RowOutcome
from rescue_emulator.scenarios.model import Scenario
from rescue_emulator.scenarios.outcome import Played


def well_played(scenario: Scenario) -> Played:
    return Played(scenario=scenario, shown=scenario.queues, deviations=(), seconds=0.4)


def badly_played(scenario: Scenario) -> Played:
    return Played(scenario=scenario, shown={}, deviations=("alice saw <nothing>",), seconds=0.25)


def outcome(row: int, *, ok: bool = True) -> RowOutcome:
    told: list[RowOutcome] = []
    outcomes = OrderedOutcomes(rows=(row,), on_outcome=told.append)
    for scenario in read_scenarios(row):
        outcomes.add(well_played(scenario) if ok else badly_played(scenario))
    return told[0]


def test_rows_are_told_in_order_whatever_lane_was_first() -> None:
    told: list[int] = []
    outcomes = OrderedOutcomes(rows=(6, 11, 12), on_outcome=lambda one: told.append(one.row))
    for row in (12, 11):
        for scenario in reversed(read_scenarios(row)):
            outcomes.add(well_played(scenario))
    assert told == []
    outcomes.add(well_played(read_scenarios(6)[0]))
    assert told == [6, 11, 12]
    assert [played.scenario for played in outcomes.done[1].ways] == list(read_scenarios(11))


def test_a_row_falls_short_if_one_of_its_ways_does() -> None:
    one, other = read_scenarios(11)
    told: list[RowOutcome] = []
    outcomes = OrderedOutcomes(rows=(11,), on_outcome=told.append)
    outcomes.add(well_played(one))
    outcomes.add(badly_played(other))
    assert not told[0].ok
    assert told[0].seconds == pytest.approx(0.65)


def test_a_good_row_as_json_is_what_the_contract_shows() -> None:
    assert json.loads(as_json(outcome(6))) == {
        "row": 6,
        "start": "Waiting",
        "end": "Reconnecting",
        "ok": True,
        "seconds": 0.4,
    }


def test_a_bad_row_as_json_says_what_was_wrong_and_in_which_way() -> None:
    told = json.loads(as_json(outcome(11, ok=False)))
    assert told["ok"] is False
    assert told["faults"] == [
        "from the Technician Console: alice saw <nothing>",
        "by the customer: alice saw <nothing>",
    ]


def test_the_page_needs_nothing_from_elsewhere_and_shows_every_row() -> None:
    rows = range(1, 63)
    page = as_html([outcome(row) for row in rows], lang="nl", seconds=40, when=datetime(2026, 1, 2, tzinfo=UTC))
    assert not re.search(r"(?:src|href)=[\"'](?!#)", page)
    assert "<script" not in page
    assert "url(" not in page
    assert all(f'id="row-{row}"' in page for row in rows)
    assert "62 of 62" in page
    assert "falls short" not in page


def test_the_page_opens_a_row_that_falls_short_and_escapes_what_was_seen() -> None:
    page = as_html([outcome(6, ok=False)], lang="en", seconds=1)
    assert '<details id="row-6" open>' in page
    assert "alice saw &lt;nothing&gt;" in page
    assert "0 of 1" in page


def test_rows_are_given_as_numbers_and_ranges() -> None:
    assert Rows().convert("1,6, 20-22,6", None, None) == (1, 6, 20, 21, 22)


@pytest.mark.parametrize("text", ["", "0", "63", "9-3", "1,,2", "six", "1-", "²", "1.5", "-4"])
def test_what_is_no_row_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="from 1 to 62"):
        Rows().convert(text, None, None)


def test_a_wrong_row_is_wrong_usage() -> None:
    with pytest.raises(click.BadParameter) as refused:
        conformance.main(["--rows", "99"], standalone_mode=False)
    assert refused.value.exit_code == 2


def test_a_report_that_cannot_be_written_is_said_before_anything_is_played(tmp_path: Path) -> None:
    done = CliRunner().invoke(conformance, ["--report", str(tmp_path / "none" / "report.html")])
    assert done.exit_code == 1
    assert "there is no such directory" in done.output
    assert "starting" not in done.output
