"""The report of a class tells each person which changes to look at again, and gives a spreadsheet no formulas."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from rescue_emulator.classroom.report import ReportFormat, class_report
from rescue_emulator.exercises.progress import Score, now_text
from rescue_emulator.exercises.texts import ExerciseTexts

NINE = datetime(2026, 3, 4, 9, tzinfo=UTC)


def score(person: str, exercise: str, *, minute: int = 0, solved: bool = True, **more: Any) -> Score:
    at = now_text(NINE + timedelta(minutes=minute))
    return Score(at=at, person=person, exercise=exercise, trainee="alice", solved=solved, seconds=30.0, **more)


SCORES = [
    score("Ann", "14", minute=1),
    score("Ann", "12", minute=2, hints=2),
    score("Ben", "12", minute=3, solved=False, why="astray"),
    score("Ben", "=1+1", minute=4, solved=False, why="@cmd|' /C calc'!A0"),
]


def report(how: str, language: str = "en") -> str:
    return class_report("monday", ["Ann", "Ben", "Cy"], SCORES, ReportFormat(how), ExerciseTexts(language))


class Tags(HTMLParser):
    """Checks that every element is closed in order, and collects the words."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.outside += [str(value) for name, value in attrs if name in ("src", "href") and value]
        if tag not in ("meta", "br", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_page_has_a_part_and_a_timeline_for_everybody_and_what_all_should_repeat(language: str) -> None:
    page = report("html", language)
    tags = Tags()
    tags.feed(page)
    assert (tags.open, tags.outside) == ([], [])
    text = " ".join(tags.words)
    assert all(person in text for person in ("Ann", "Ben", "Cy"))
    assert page.count("<svg xmlns") >= 5, "a picture of the 62 changes for each, a timeline for who has attempts"
    timeline = {"en": "Timeline of the attempts", "nl": "Tijdlijn van de pogingen"}[language]
    assert text.count(timeline) == 2, "Cy has no attempts"
    overview = page[: page.index("<section>")]
    assert "<th scope='row'>12</th>" in overview
    assert "<td>2</td><td>Ann, Ben</td>" in overview
    assert "<th scope='row'>14</th>" not in overview, "nobody needs to look at it again"


def test_nobodys_name_is_markup() -> None:
    page = class_report("monday", ["<b>x</b>"], [], ReportFormat.HTML, ExerciseTexts("en"))
    assert "<b>x</b>" not in page
    assert "&lt;b&gt;x" in page


def test_the_text_says_which_changes_to_look_at_again() -> None:
    lines = report("text").splitlines()
    assert lines[0].startswith("Ann: 1 solved, 1 solved with help")
    assert [line.partition(":")[0].strip() for line in lines if line.startswith("  ")] == ["look again"] * 2
    assert any(line.startswith("Cy: 0 solved") for line in lines)


def test_a_spreadsheet_gets_no_formula() -> None:
    rows = list(csv.reader(io.StringIO(report("csv"))))
    assert len(rows) == 1 + len(SCORES)
    cells = [cell for row in rows for cell in row]
    assert "'=1+1" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_json_and_junit_have_every_attempt() -> None:
    assert [json.loads(line)["person"] for line in report("json").splitlines()] == ["Ann", "Ann", "Ben", "Ben"]
    suites = ElementTree.fromstring(report("junit"))
    assert {suite.get("name"): suite.get("failures") for suite in suites} == {"Ann": "0", "Ben": "2"}
