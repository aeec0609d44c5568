"""How a person stands with each change, and how that is shown: never by colour alone."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from rescue_common.languages import LANGUAGES
from rescue_emulator.exercises.progress import Score
from rescue_emulator.exercises.progress_report import as_html, as_lines, as_picture
from rescue_emulator.exercises.standing import Standing, progress_of
from rescue_emulator.exercises.texts import ExerciseTexts

SVG = "{http://www.w3.org/2000/svg}"


def score(exercise: str, *, solved: bool = True, person: str = "ann", **numbers: int) -> Score:
    plain = Score(at="2026-01-01T09:00:00", person=person, exercise=exercise, trainee="alice", solved=solved)
    return replace(plain, **numbers)  # type: ignore[arg-type]  # mypy cannot tell that only whole numbers are replaced


SCORES = (
    score("3"),
    score("14", hints=2),
    score("15", wrong=1),
    score("16", right=0, questions=1),
    score("38", solved=False),
    score("40", hints=1),
    score("40", right=1, questions=1),  # once without help is enough, also before or after another attempt
    score("62", person="bert"),
    score("Hand a session over"),
)


def test_the_best_attempt_counts_and_help_is_told_apart() -> None:
    standings = progress_of("ann", SCORES).by_row
    assert {row: found for row, found in standings.items() if found is not Standing.UNTRIED} == {
        3: Standing.SOLVED,
        14: Standing.WITH_HELP,
        15: Standing.WITH_HELP,
        16: Standing.WITH_HELP,
        38: Standing.UNSOLVED,
        40: Standing.SOLVED,
    }
    assert len(standings) == 62


def test_the_text_names_what_to_look_at_again() -> None:
    first, *again = as_lines(progress_of("ann", SCORES), ExerciseTexts("en"))
    assert first == "ann: 2 solved, 3 solved with help, 1 not solved yet, 56 not tried yet"
    assert [re.findall(r"row (\d+)", line) for line in again] == [["14"], ["15"], ["16"], ["38"]]
    assert "Active → On Hold" in again[0]
    assert "hints 2" in again[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_picture_tells_each_change_by_words_pattern_and_sign(language: str) -> None:
    texts = ExerciseTexts(language)
    progress = progress_of("ann", SCORES)
    groups = list(ElementTree.fromstring(as_picture(progress, texts)).iter(f"{SVG}g"))
    looks: dict[str, set[tuple[str | None, str | None, str]]] = {}
    for group in groups:
        title, path = group.find(f"{SVG}title"), group.find(f"{SVG}path")
        assert title is not None
        assert path is not None
        number, _, note = str(title.text).partition(":")
        told = texts.text(progress.by_row[int(number)])
        assert note.endswith(f"({told})")
        signs = "".join(str(text.text) for text in group.iter(f"{SVG}text")).removeprefix(number)
        looks.setdefault(told, set()).add((path.get("stroke-dasharray"), path.get("stroke-width"), signs))
    assert len(groups) == 62
    assert all(len(found) == 1 for found in looks.values())
    assert len(set.union(*looks.values())) == len(Standing), "without colours they must still differ"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_everybody_and_runs_no_name_as_html(language: str) -> None:
    texts = ExerciseTexts(language)
    people = [progress_of("ann", SCORES), progress_of("<b>bert", [score("3", person="<b>bert")])]
    page = as_html(people, texts)
    assert page.count("<svg xmlns") == 2
    assert "<h2>&lt;b&gt;bert</h2>" in page
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert all(texts.text(standing) in page for standing in Standing)


def test_the_page_of_nobody_says_so() -> None:
    assert "No scores are kept yet." in as_html([], ExerciseTexts("en"))
