"""A session's statuses so far as one line: each a stretch as long as it lasted, with its sign at its start. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.text import Text

from rescue_client.records import StatusChange
from rescue_console.tui.texts import SIGNS, STYLES

SHORTEST = 2
"""Cells of a status that lasted no time at all."""


def stretches(changes: Sequence[StatusChange], now: datetime, width: int) -> list[tuple[StatusChange, int]]:
    """Return the newest changes that have room, oldest first, and how many cells each gets; together `width`."""
    shown = list(changes)[-max(width // SHORTEST, 1) :]
    if not shown:
        return []
    ends = [*(change.at for change in shown[1:]), max(now, shown[-1].at)]
    spans = [max((end - change.at).total_seconds(), 0.0) for change, end in zip(shown, ends, strict=True)]
    spare, total = width - SHORTEST * len(shown), sum(spans)
    cells, passed, given = [], 0.0, 0
    for span in spans:
        passed += span
        upto = round(spare * passed / total) if total else 0
        cells.append(SHORTEST + upto - given)
        given = upto
    cells[-1] += spare - given
    return list(zip(shown, cells, strict=True))


def bar(changes: Sequence[StatusChange], now: datetime, width: int) -> Text:
    """Draw the line, `width` cells wide."""
    text = Text(no_wrap=True, overflow="crop")
    for change, cells in stretches(changes, now, width):
        text.append(SIGNS[change.status] + "━" * (cells - 1), style=STYLES[change.status])
    return text
