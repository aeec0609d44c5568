"""The published table of status changes: 62 rows, in English and in Dutch.

`status-changes.csv` beside this file is what the vendor published; nobody edits it. The core of the server decides by
a table of its own, `rescue_server.core.transitions`. `tests/simulation/test_every_state.py` compares the two.

Source: the vendor's article "Session status changes in the Rescue Technician Console", both languages.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

REMOVED = "Removed from TC queue"
REMOVED_TIMED_OUT = "Removed from TC queue (Timed Out)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One published change. `row` counts from 1 in the article's order; statuses are the article's words."""

    row: int
    start: str
    end: str
    start_nl: str
    end_nl: str

    @property
    def heading(self) -> str:
        """The heading of the article's explanation, in English."""
        return f"{self.start} → {self.end}"


@cache
def read_rows() -> tuple[Row, ...]:
    """Return all rows in the article's order. The file is read at the first call."""
    text = resources.files("rescue_protos").joinpath("status-changes.csv").read_text(encoding="utf-8")
    return tuple(
        Row(
            row=int(line["row"]),
            start=line["start"],
            end=line["end"],
            start_nl=line["start_nl"],
            end_nl=line["end_nl"],
        )
        for line in csv.DictReader(text.splitlines())
    )


@cache
def row_of(start: str, end: str) -> int | None:
    """Return the number of the row that leads from one English status to another; None if none does."""
    return next((row.row for row in read_rows() if (row.start, row.end) == (start, end)), None)


@cache
def labels(lang: str) -> dict[str, str]:
    """Return the name of each English status of the table in a language, "en" or "nl"."""
    if lang == "en":
        return {name: name for name in labels("nl")}
    if lang != "nl":
        raise ValueError(f"the table has no language {lang!r}, only en and nl")
    # "Invitation" is never an end and removals never a start: both columns are needed for all names.
    starts = {row.start: row.start_nl for row in read_rows()}
    return starts | {row.end: row.end_nl for row in read_rows()}
