"""The row files: complete, and in agreement with the published table, whatever the programs do."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from rescue_emulator.conformance.row_scenarios import parse_scenarios, read_scenarios
from rescue_emulator.scenarios.language import TECHNICIANS
from rescue_emulator.scenarios.model import BadScenario, Scenario
from rescue_protos.status_table import REMOVED, REMOVED_TIMED_OUT, read_rows, row_of

ROWS = range(1, 63)
SCENARIOS = [scenario for row in ROWS for scenario in read_scenarios(row)]
STAYS_TIMED_OUT = 61  # the one row that prints no change
GOOD = """\
row: 6
change: Waiting -> Reconnecting
seen by: alice
steps:
  - alice: pin
  - customer: run applet
  - customer: lan off
queues:
  alice:
    - Connecting
    - Waiting, row 1
    - Reconnecting, row 6
"""

each_scenario = pytest.mark.parametrize(
    "scenario", SCENARIOS, ids=[f"{one.row:02} {one.way}".strip() for one in SCENARIOS]
)


def test_the_table_has_the_rows_that_are_played() -> None:
    assert [row.row for row in read_rows()] == list(ROWS)


def test_the_ways_of_a_row_are_told_apart_by_name() -> None:
    for row in ROWS:
        ways = [scenario.way for scenario in read_scenarios(row)]
        assert len(set(ways)) == len(ways)
        assert len(ways) == 1 or all(ways)


@each_scenario
def test_the_rows_own_change_is_seen_by_whom_the_file_names(scenario: Scenario) -> None:
    queue = scenario.queues[scenario.seen_by]
    if scenario.row == STAYS_TIMED_OUT:
        assert queue[-1].status == scenario.start == scenario.end
        return
    at = next(number for number, shown in enumerate(queue) if shown.row == scenario.row)
    assert (queue[at - 1].status, queue[at].status) == (scenario.start, scenario.end)


@each_scenario
def test_every_change_is_in_the_table_and_carries_its_row(scenario: Scenario) -> None:
    for queue in scenario.queues.values():
        assert queue[0].row is None
        assert queue[0].status in ("Connecting", "Incoming", "Invitation")
        for before, after in pairwise(queue):
            assert after.row is not None
            assert after.row == row_of(before.status, after.status)


@each_scenario
def test_nothing_follows_a_removal(scenario: Scenario) -> None:
    for queue in scenario.queues.values():
        assert all(shown.status not in (REMOVED, REMOVED_TIMED_OUT) for shown in queue[:-1])


@each_scenario
def test_everybody_who_acts_in_a_session_has_a_queue(scenario: Scenario) -> None:
    assert {step.who for step in scenario.steps} & set(TECHNICIANS) <= scenario.queues.keys()


@each_scenario
def test_what_comes_by_itself_is_waited_for(scenario: Scenario) -> None:
    """What the customer or time does arrives later; a scenario that ended there would race with it."""
    last = scenario.steps[-1]
    assert last.who in TECHNICIANS
    if last.what in ("start", "end", "hold", "pin", "lead accept"):
        return
    assert re.match("sees|transfer|invite|remove", last.what)


@each_scenario
def test_settings_and_people_are_those_of_a_small_organization(scenario: Scenario) -> None:
    owners = {step.what.split()[1] for step in scenario.steps if step.who == "admin"}
    assert owners <= {"group:Support", "group:Network", "channel:Web"}


@pytest.mark.parametrize("row", [30, 28, 29, 31, 32, 33])
def test_more_than_five_minutes_are_waited_from_reconnecting(row: int) -> None:
    (scenario,) = read_scenarios(row)
    steps = [str(step) for step in scenario.steps]
    at = steps.index("alice: sees Reconnecting")
    assert steps[at + 1 : at + 3] == ["clock: advance 5m10s", "alice: sees Offline"]


def test_a_good_file_is_read() -> None:
    (scenario,) = parse_scenarios(GOOD, source="06.yaml", row=6)
    assert [str(step) for step in scenario.steps] == ["alice: pin", "customer: run applet", "customer: lan off"]
    assert [str(shown) for shown in scenario.queues["alice"]] == [
        "Connecting",
        "Waiting, row 1",
        "Reconnecting, row 6",
    ]


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        ("row: 6\n", "row: 7\n", "row 7 is Waiting -> Rebooting"),
        ("Waiting -> Reconnecting", "Waiting -> Offline", "row 6 is Waiting -> Reconnecting"),
        ("  - customer: lan off", "  - customer: lan maybe", "cannot do 'lan maybe'"),
        ("  - alice: pin", "  - erin: pin", "nobody is called 'erin'"),
        ("  - alice: pin", "  - alice: dance", "cannot do 'dance'"),
        ("  - alice: pin", "  - alice: pin\n    bob: start", "one WHO: WHAT"),
        ("  - alice: pin", "  - alice: {pin: now}", "5:12: alice: text is expected"),
        ("Reconnecting, row 6", "Reconecting, row 6", "not a status of the table"),
        ("seen by: alice", "seen by: bob", "who sees the change"),
        ("seen by: alice\n", "", "'seen by' missing"),
        ("seen by: alice", "seen by: alice\nmood: good", "unknown: 'mood'"),
        ("seen by: alice", "seen by: alice\nseen by: alice", "stands twice"),
        ("queues:", "queues: [", "06.yaml"),
        ("  alice:\n", "  erin:\n", "queues are those of"),
    ],
)
def test_a_file_that_is_not_plainly_right_is_refused(good: str, bad: str, says: str) -> None:
    assert good in GOOD
    with pytest.raises(BadScenario, match=says):
        parse_scenarios(GOOD.replace(good, bad), source="06.yaml", row=6)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(BadScenario, match="empty"):
        parse_scenarios("", source="06.yaml", row=6)
