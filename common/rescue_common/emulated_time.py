"""Emulated time, as programs write it, and how fast it can run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MAX_SPEED = 100_000.0
"""Emulated seconds in a real second, at most."""

LONGEST_PERIOD = timedelta(days=3650)
"""The longest period that a call can name."""
END_OF_TIME = datetime.max.replace(microsecond=0, tzinfo=UTC) - LONGEST_PERIOD
"""The clock stops here, so that whatever is due a period later still has a date."""


FIRST_START = datetime(1970, 1, 1, tzinfo=UTC)
"""The earliest moment at which a clock can start."""


class BadMoment(ValueError):
    """A text is no moment that a clock can show. The message says why."""


def parse_moment(text: str) -> datetime:
    """Return the moment that a text in ISO 8601 names, in UTC. Without a zone it is UTC. Raises BadMoment."""
    try:
        found = datetime.fromisoformat(text.strip())
        moment = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadMoment(f"{text!r} is no moment (possible: 2026-03-01T09:00:00Z, or 2026-03-01 in UTC)") from None
    if not FIRST_START <= moment < END_OF_TIME:
        raise BadMoment(f"{text!r} is out of range: the clock runs from {FIRST_START:%Y} to {END_OF_TIME:%Y}")
    return moment


def later(moment: datetime, period: timedelta) -> datetime:
    """Return the moment that comes a period later, at most the last one of the calendar."""
    try:
        return moment + period
    except OverflowError:
        return datetime.max.replace(tzinfo=moment.tzinfo)


def format_timestamp(moment: datetime, *, timespec: str = "auto") -> str:
    """Write a moment in UTC as ISO 8601 with a Z: `2026-01-01T00:00:00Z`. `timespec` is that of `isoformat`."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")
