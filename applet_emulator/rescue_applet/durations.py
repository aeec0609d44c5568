"""Spans of time as people type them: `90s`, `5m`, `1h30m`."""

from __future__ import annotations

import re
from datetime import timedelta

_PARTS = re.compile(
    r"(?:(?P<days>\d+(?:\.\d+)?)d)?(?:(?P<hours>\d+(?:\.\d+)?)h)?(?:(?P<minutes>\d+(?:\.\d+)?)m)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)s)?(?:(?P<milliseconds>\d+(?:\.\d+)?)ms)?",
    re.ASCII,
)
_LONGEST = timedelta(days=3650)


def parse_duration(text: str) -> timedelta:
    """Return the span that was typed, largest unit first: d, h, m, s, ms. Raises ValueError."""
    found = _PARTS.fullmatch(text.strip().lower())
    given = {unit: float(number) for unit, number in found.groupdict().items() if number} if found else {}
    if not given:
        raise ValueError(f"{text!r} is not a duration: write 90s, 5m or 1h30m")
    try:
        span = timedelta(**given)
    except OverflowError:
        span = timedelta.max
    if span > _LONGEST:
        raise ValueError(f"{text!r} is longer than {_LONGEST.days} days")
    return span
