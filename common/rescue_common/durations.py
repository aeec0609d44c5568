"""The notation of durations: `90s`, `5m`, `1h30m`, `2h`, `1d`, `250ms`.

Every program reads and writes durations with this module. Larger units come first, each at most once; a number may
have a fraction. `0` needs no unit.
"""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_NUMBER = r"\d{1,9}(?:\.\d{1,6})?"
_SHAPE = re.compile("".join(rf"(?:(?P<{unit}>{_NUMBER}){unit})?" for unit in _UNITS), re.ASCII)


class BadDuration(ValueError):
    """The text is not a duration. The message has examples."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is not a duration (possible: 90s, 5m, 1h30m, 2h, 0)")
        self.text = text


def parse_duration(text: str) -> timedelta:
    """Read a duration, never negative. Raises BadDuration."""
    compact = text.strip().lower()
    if compact == "0":
        return timedelta(0)
    found = _SHAPE.fullmatch(compact)
    if not compact or found is None:
        raise BadDuration(text)
    try:
        return sum((float(count) * _UNITS[unit] for unit, count in found.groupdict().items() if count), timedelta(0))
    except OverflowError:
        raise BadDuration(text) from None


def format_duration(duration: timedelta) -> str:
    """Write a duration as `parse_duration` reads it: `1h30m`, `45s`, `0s`.

    Raises ValueError for a negative duration, which has no notation.
    """
    if duration < timedelta(0):
        raise ValueError(f"{duration!r} is negative")
    minutes, rest = divmod(duration, timedelta(minutes=1))
    hours, minutes = divmod(minutes, 60)
    seconds = rest / timedelta(seconds=1)
    parts = [f"{count}{unit}" for count, unit in ((hours, "h"), (minutes, "m")) if count]
    if seconds or not parts:
        parts.append(f"{seconds:.6f}".rstrip("0").rstrip(".") + "s")
    return "".join(parts)


def format_elapsed(period: timedelta) -> str:
    """Write a period as a running clock: 0:07, 12:34, 1:02:03, 2d 01:00:00. A negative one is 0:00."""
    minutes, seconds = divmod(max(int(period.total_seconds()), 0), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours:02}:{minutes:02}:{seconds:02}"
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
