"""The published table drawn: every change, and none besides."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from rescue_emulator.pictures.statechart import GONE, Format, statechart, statuses
from rescue_protos.status_table import labels, read_rows

ROOT = Path(__file__).parents[4]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("lang", ["en", "nl"])
def test_mermaid_has_every_row_once(lang: str) -> None:
    drawn = statechart(Format.MERMAID, lang=lang)
    names = {i: name for name, i in re.findall(r'state "(.+)" as (\w+)', drawn)}
    words = labels(lang)
    found = {
        int(row): (names[start], end if end == "[*]" else names[end])
        for start, end, row in re.findall(r"^    (\w+) --> ([\w\[\]*]+): (\d+)", drawn, re.M)
    }
    assert found == {row.row: (words[row.start], "[*]" if row.end in GONE else words[row.end]) for row in read_rows()}


def test_dot_has_every_row_once() -> None:
    drawn = statechart(Format.DOT)
    names = dict(re.findall(r'^  (\w+) \[label="([^"]+)"', drawn, re.M))
    found = {
        int(row): (names[a], names[b]) for a, b, row in re.findall(r'^  (\w+) -> (\w+) \[label="(\d+)"', drawn, re.M)
    }
    assert found == {row.row: (row.start, row.end) for row in read_rows()}


def test_svg_has_every_row_once_and_says_what_it_is() -> None:
    root = ElementTree.fromstring(statechart(Format.SVG))
    told = [str(element.text) for element in root.iter(f"{SVG}title")]
    assert sorted(told) == sorted(f"{row.row}: {row.start} → {row.end}" for row in read_rows())
    drawn = [text.text for text in root.iter(f"{SVG}text")]
    assert set(statuses()) <= set(drawn)


def test_the_pictures_in_the_docs_are_as_fresh_as_the_table_and_the_code() -> None:
    """If this fails: `python docs/pictures/make.py`."""
    found = subprocess.run(
        [sys.executable, "docs/pictures/make.py", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_readme_shows_a_statechart_and_a_timeline_that_are_fresh() -> None:
    """What `--check` compares is what the README shows, and every picture that it shows is there."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", readme)
    assert [path for path in shown if not (ROOT / path).is_file()] == []
    drawn = {f"docs/pictures/{name}": text for name, text in _maker().drawings().items()}
    generated = [path for path in shown if path in drawn]
    assert sorted(Path(path).name.partition("-")[0] for path in generated) == ["statuses", "timeline"]
    for path in generated:
        assert (ROOT / path).read_text(encoding="utf-8") == drawn[path], f"{path} is stale"


def _maker() -> Any:
    spec = spec_from_file_location("make_pictures", ROOT / "docs/pictures/make.py")
    assert spec is not None
    assert spec.loader is not None
    maker = module_from_spec(spec)
    spec.loader.exec_module(maker)
    return maker
