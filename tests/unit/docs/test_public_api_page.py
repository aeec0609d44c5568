"""`docs/public-api.md` says of each method, word and status what is as at the vendor and what was chosen."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from rescue_api.operations import OPERATIONS
from rescue_api.reports.areas import AREAS
from rescue_api.statuses import SessionStatus
from rescue_api.words import Word

DOCS = Path(__file__).parents[3] / "docs"
KNOWN = tomllib.loads((DOCS / "public-api.toml").read_text(encoding="utf-8"))
PAGE = (DOCS / "public-api.md").read_text(encoding="utf-8")


def test_every_method_is_described() -> None:
    families = {re.sub(r"_v[\d_]+$", "", operation.name) for operation in OPERATIONS}
    assert families - set(KNOWN["methods"]) == set(), "docs/public-api.toml says what is known of each method"
    assert all(set(one) == {"vendor", "chosen"} and all(one.values()) for one in KNOWN["methods"].values())


def test_every_status_is_described() -> None:
    assert {status.name for status in SessionStatus} == set(KNOWN["statuses"])


def test_every_area_of_reports_is_described() -> None:
    assert {area.name for area in AREAS.values()} == set(KNOWN["areas"])


def test_the_page_has_everything() -> None:
    assert "not described yet" not in PAGE
    for operation in OPERATIONS:
        assert not operation.in_text or f"| `{operation.name}` |" in PAGE
        assert not operation.soap or f"`{operation.soap}(" in PAGE
    for word in Word:
        assert re.search(rf"^\| (\*\*)?{word.text}(\*\*)? \|", PAGE, re.MULTILINE)
