"""The benchmark's picture and table are those of the result that is kept, and goals are of what is measured."""

from __future__ import annotations

import json

import pytest

from benchmarks.__main__ import CASES, peer_of
from benchmarks.capacity import tables
from benchmarks.chart import MOST, PICTURE, RESULT, SCALE, chart
from benchmarks.goals import GOALS, Goal
from benchmarks.report import Report, lines, merge, table

TODAY = {"at": "2026-11-27 10:00 UTC", "load": "0.1", "runs": "3"}


def test_the_picture_shows_the_result_that_is_kept() -> None:
    report = json.loads(RESULT.read_text(encoding="utf-8"))
    assert chart(report) == PICTURE.read_text(encoding="utf-8")
    assert max(measured["at"] for measured in report["measured"].values()) in PICTURE.read_text(encoding="utf-8")


def test_a_bar_is_as_long_as_the_ratio_of_the_medians_and_is_cut_where_it_is_too_long() -> None:
    figures = {"us of CPU a command": [1.0, 30.0, 99.0], "p99 ms": [1.0, 1.0, 1.0]}
    cases = {
        "three times": {"bare": {"us of CPU a command": [1.0, 10.0, 99.0], "p99 ms": [1.0, 1.0, 1.0]}, "ours": figures},
        "thirty times": {"bare": {"us of CPU a command": [1.0, 1.0, 1.0]}, "ours": figures},
        "alone": {"ours": figures},
    }
    picture = chart({"machine": {"cores": "2"}, "cases": cases, "measured": dict.fromkeys(cases, TODAY)})
    assert f'width="{3 * SCALE:.1f}"' in picture
    assert f'width="{MOST * SCALE:.1f}"' in picture
    assert ">3.00<" in picture
    assert ">30.00<" in picture
    assert "alone" not in picture
    assert "p99" not in picture


def test_each_goal_is_of_a_case_and_a_ratio_has_a_peer() -> None:
    assert GOALS.keys() <= CASES.keys()
    ratios = {case for case, goals in GOALS.items() if any(goal.is_ratio for goal in goals.values())}
    assert all(peer_of(case) for case in ratios)


def test_each_goal_is_of_a_figure_that_was_measured() -> None:
    found = json.loads(RESULT.read_text(encoding="utf-8"))["cases"]
    for case in found.keys() & GOALS.keys():
        assert GOALS[case].keys() <= found[case]["ours"].keys(), case


@pytest.mark.parametrize(
    ("goal", "ours", "peer", "expected"),
    [
        (Goal(50), 50.0, None, True),
        (Goal(50), 50.1, None, False),
        (Goal(20, is_least=True), 19.9, None, False),
        (Goal(1.1, is_ratio=True), 11.0, 10.0, True),
        (Goal(1.1, is_ratio=True), 12.0, 10.0, False),
        (Goal(1.7, is_ratio=True, is_least=True), 17.0, 10.0, True),
        (Goal(1.1, is_ratio=True), 0.5, None, False),
    ],
)
def test_a_goal_is_a_limit_of_a_figure_or_of_its_ratio(
    goal: Goal, ours: float, peer: float | None, expected: bool
) -> None:
    assert goal.is_reached(ours, peer) is expected


def test_the_table_has_what_has_a_goal_and_says_what_is_not_reached() -> None:
    case = "heartbeats, 1,000 applets, 2,000 a second"
    kinds = {
        "bare": {
            "us of CPU a heartbeat": [90.0, 100.0, 110.0],
            "KB an applet": [40.0, 40.0, 40.0],
            "p99 ms": [1.0, 1.0, 1.0],
        },
        "ours": {
            "us of CPU a heartbeat": [99.0, 150.0, 151.0],
            "KB an applet": [41.0, 42.0, 43.0],
            "p99 ms": [1.0, 1.0, 1.0],
        },
    }
    shown = table({"machine": {"cores": "2"}, "cases": {case: kinds}, "measured": {case: TODAY}}).splitlines()
    assert shown[0] == (
        "cores 2. Measured from 2026-11-27 10:00 UTC to 2026-11-27 10:00 UTC, 3 runs of each; before the first, "
        "the load was 0.1."
    )
    assert shown[4:] == [
        f"| {case} | us of CPU a heartbeat | 150 (99 to 151) | bare: 100 (90 to 110) | 1.50 | ≤ 1.1 × | **no** |",
        f"| {case} | KB an applet | 42 (41 to 43) | bare: 40 (40 to 40) | 1.05 | ≤ 1.1 × | yes |",
    ]
    assert [line.partition("goal")[2] for line in lines(case, kinds)][1:] == [" ≤ 1.1 ×: not reached", " ≤ 1.1 ×", ""]


def test_what_servers_carry_follows_from_what_one_thing_costs() -> None:
    costs = {
        "edges, heartbeats, 1,000 applets, 2,000 a second": {
            "us of CPU there": 100.0,
            "us of CPU to attach there": 700.0,
        },
        "fanout, chat to 1,000 consoles": {"us of CPU a delivery": 50.0},
        "edges, events, 200 a second": {"us of CPU there": 100.0, "us of CPU at the leader": 500.0},
        "edges, 100,000 applets by batches": {
            "us of CPU a heartbeat": 1.0,
            "us of CPU to announce one": 150.0,
            "KB an applet": 5.0,
        },
    }
    cases = {
        case: {"ours": {figure: [0.0, cost, 0.0] for figure, cost in figures.items()}}
        for case, figures in costs.items()
    }
    shown = tables({"machine": {}, "cases": cases, "measured": {}}).splitlines()
    assert "| a heartbeat | 100 µs of CPU | 1.0 µs, in batches |" in shown
    # 0.70 of a core less 0.01 for events and 0.05 for deliveries, by 33.3 µs a second for an applet
    assert "| 1 | 19,200 | 6% | 0.10 GB |" in shown
    # 0.70 less 0.01 and 0.025
    assert "| 2 | 39,900 | 6% | 0.20 GB |" in shown


def test_a_run_of_some_cases_leaves_the_others_unless_the_machine_is_another_one() -> None:
    def result(machine: str, *cases: str) -> Report:
        kinds = {"ours": {"ms": [1.0, float(len(cases)), 2.0]}}
        measured = {case: {**TODAY, "at": f"{len(cases)}"} for case in cases}
        return {"machine": {"cores": machine}, "cases": dict.fromkeys(cases, kinds), "measured": measured}

    kept, new, order = result("2", "a", "b", "gone"), result("2", "c", "b"), ["c", "a", "b"]
    merged = merge(kept, new, order)
    assert list(merged["cases"]) == order
    assert {case: measured["at"] for case, measured in merged["measured"].items()} == {"c": "2", "a": "3", "b": "2"}
    assert merged["cases"]["b"] == new["cases"]["b"]
    assert merge(result("4", "a"), new, order) == new
