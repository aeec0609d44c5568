"""Scores are kept: appended, read back past a line that a crash cut short, and exported without harm."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rescue_emulator.exercises.progress import (
    BadPerson,
    ProgressFile,
    Score,
    as_csv,
    as_junit,
    solved_exercises,
)


def score(person: str = "ann", exercise: str = "14", *, solved: bool = True, why: str = "", at: str = "1") -> Score:
    return Score(at=at, person=person, exercise=exercise, trainee="alice", solved=solved, why=why)


def test_what_was_added_is_read_back_in_order_of_time(tmp_path: Path) -> None:
    kept = ProgressFile(tmp_path / "scores")
    later, earlier = score("ann", at="2"), score("Ms O'Neil", "3", solved=False, at="1")
    kept.add(later)
    kept.add(earlier)
    assert kept.read() == (earlier, later)
    assert kept.read("ann") == (later,)
    assert kept.read("nobody") == ()
    assert solved_exercises(kept.read()) == {"14"}


def test_a_line_that_a_crash_cut_short_costs_only_itself(tmp_path: Path) -> None:
    kept = ProgressFile(tmp_path)
    kept.add(score(at="1"))
    whole = (tmp_path / "ann.jsonl").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "ann.jsonl").write_bytes(whole + whole[:length])
        kept.add(score(at="9"))
        assert [one.at for one in kept.read("ann")][:1] == ["1"]
        assert [one.at for one in kept.read("ann")][-1:] == ["9"]


@pytest.mark.parametrize("person", ["", "../ann", "a/b", ".hidden", "x" * 65, "a\nb", "a\0"])
def test_a_name_that_is_no_file_name_is_refused(tmp_path: Path, person: str) -> None:
    with pytest.raises(BadPerson, match="letters"):
        ProgressFile(tmp_path).add(score(person))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_a_spreadsheet_runs_no_text_of_the_csv(text: str) -> None:
    [_, row] = csv.reader(io.StringIO(as_csv([score(why=text)]), newline=""))
    assert row[5] == f"'{text}"


def test_junit_has_a_suite_for_each_person() -> None:
    root = ElementTree.fromstring(as_junit([score("ann"), score("bo", solved=False, why="astray"), score("bo")]))
    suites = {suite.get("name"): suite for suite in root}
    assert (suites["bo"].get("tests"), suites["bo"].get("failures")) == ("2", "1")
    assert suites["bo"].find("testcase/failure") is not None
    assert suites["ann"].get("failures") == "0"
