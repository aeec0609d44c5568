"""How the API writes and reads moments and durations."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?", re.ASCII)


def minute(at: datetime) -> str:
    """Return `M/D/YYYY h:mm AM`, as getSession writes it."""
    return f"{day(at)} {at.hour % 12 or 12}:{at.minute:02} {_half(at)}"


def second(at: datetime, *, day_first: bool = False) -> str:
    """Return `M/D/YYYY h:mm:ss AM`, as SOAP and reports write it."""
    return f"{day(at, day_first=day_first)} {at.hour % 12 or 12}:{at.minute:02}:{at.second:02} {_half(at)}"


def day(at: datetime, *, day_first: bool = False) -> str:
    """Return `M/D/YYYY`, or `D/M/YYYY`."""
    return f"{at.day}/{at.month}/{at.year}" if day_first else f"{at.month}/{at.day}/{at.year}"


def span(duration: timedelta) -> str:
    """Return `HH:MM:SS`; hours are not limited."""
    total = max(0, int(duration.total_seconds()))
    return f"{total // 3600:02}:{total // 60 % 60:02}:{total % 60:02}"


def clock(since_midnight: timedelta) -> str:
    """Return `H:MM:SS`."""
    return span(since_midnight).removeprefix("0")


def read_day(text: str) -> datetime | None:
    """Read `M/D/YYYY`, as in no time zone; None if it is no date."""
    found = _DATE.fullmatch(text.strip())
    if not found:
        return None
    month, day_, year = map(int, found.groups())
    try:
        return datetime(year, month, day_, tzinfo=UTC)
    except ValueError:
        return None


def read_clock(text: str) -> timedelta | None:
    """Read `H:MM` or `H:MM:SS` as the time since midnight; None if it is none."""
    found = _TIME.fullmatch(text.strip())
    if not found:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def read_moment(text: str, zone: timedelta) -> datetime | None:
    """Read `M/D/YYYY H:MM:SS`, or ISO 8601; one with an offset of its own is put into the zone. None if it is none."""
    date, _, time = text.strip().partition(" ")
    on, at = read_day(date), read_clock(time)
    if on is not None and at is not None:
        return on + at
    try:
        read = datetime.fromisoformat(text.strip())
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC) + zone
    except (ValueError, OverflowError):
        return None


def _half(at: datetime) -> str:
    return "AM" if at.hour < 12 else "PM"
