"""The emulator's own sentence on each of the 62 rows."""

from __future__ import annotations

import csv
from importlib import resources

import pytest

from rescue_protos.explanations import LANGUAGES, explanation
from rescue_protos.status_table import Row, read_rows


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("row", read_rows(), ids=lambda row: f"{row.row}")
def test_every_row_is_explained_in_a_sentence_of_its_own(row: Row, lang: str) -> None:
    sentence = explanation(row.row, lang)
    assert sentence.endswith(".")
    assert 30 < len(sentence) < 200
    assert sentence[0].isupper()
    assert [other.row for other in read_rows() if explanation(other.row, lang) == sentence] == [row.row]


def test_nothing_is_explained_that_is_no_row() -> None:
    text = resources.files("rescue_protos").joinpath("explanations.csv").read_text(encoding="utf-8")
    rows = [int(line["row"]) for line in csv.DictReader(text.splitlines())]
    assert rows == [row.row for row in read_rows()]


def test_a_row_stands_under_its_two_statuses() -> None:
    assert read_rows()[5].heading == "Waiting → Reconnecting"
