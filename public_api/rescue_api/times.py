"""How the API writes moments."""

from __future__ import annotations

from datetime import datetime


def minute(at: datetime) -> str:
    """Return `M/D/YYYY h:mm AM`, as getSession writes it."""
    return f"{at.month}/{at.day}/{at.year} {at.hour % 12 or 12}:{at.minute:02} {_half(at)}"


def second(at: datetime) -> str:
    """Return `M/D/YYYY h:mm:ss AM`, as SOAP writes it."""
    return f"{at.month}/{at.day}/{at.year} {at.hour % 12 or 12}:{at.minute:02}:{at.second:02} {_half(at)}"


def _half(at: datetime) -> str:
    return "AM" if at.hour < 12 else "PM"
