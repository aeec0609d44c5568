"""The picture of the benchmark is that of the result beside it."""

from __future__ import annotations

import json

from benchmarks.chart import MOST, PICTURE, RESULT, SCALE, chart


def test_the_picture_shows_the_result_that_is_kept() -> None:
    report = json.loads(RESULT.read_text(encoding="utf-8"))
    assert chart(report) == PICTURE.read_text(encoding="utf-8")
    assert report["machine"]["date"] in PICTURE.read_text(encoding="utf-8")


def test_a_bar_is_as_long_as_the_ratio_of_the_medians_and_is_cut_where_it_is_too_long() -> None:
    machine = {"date": "today", "cores": "2", "load": "0.1"}
    figures = {"us of CPU a command": [1.0, 30.0, 99.0], "p99 ms": [1.0, 1.0, 1.0]}
    cases = {
        "three times": {"bare": {"us of CPU a command": [1.0, 10.0, 99.0], "p99 ms": [1.0, 1.0, 1.0]}, "ours": figures},
        "thirty times": {"bare": {"us of CPU a command": [1.0, 1.0, 1.0]}, "ours": figures},
        "alone": {"ours": figures},
    }
    picture = chart({"machine": machine, "cases": cases})
    assert f'width="{3 * SCALE:.1f}"' in picture
    assert f'width="{MOST * SCALE:.1f}"' in picture
    assert ">3.00<" in picture
    assert ">30.00<" in picture
    assert "alone" not in picture
    assert "p99" not in picture
