"""What each row of the published table means, in the emulator's own words: one sentence a row, English and Dutch.

The sentences are in `explanations.csv` beside this file. `status_table` has the statuses of each row.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

LANGUAGES = ("en", "nl")


@cache
def _read() -> dict[int, dict[str, str]]:
    text = resources.files("rescue_protos").joinpath("explanations.csv").read_text(encoding="utf-8")
    return {int(line["row"]): {lang: line[lang] for lang in LANGUAGES} for line in csv.DictReader(text.splitlines())}


def explanation(row: int, lang: str = "en") -> str:
    """Return how a session gets from the row's first status to its second. Raises KeyError."""
    return _read()[row][lang]
