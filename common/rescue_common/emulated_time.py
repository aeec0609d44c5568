"""Emulated time, as programs write it, and how fast it can run."""

from __future__ import annotations

from datetime import datetime

MAX_SPEED = 100_000.0
"""Emulated seconds in a real second, at most."""


def format_timestamp(moment: datetime, *, timespec: str = "auto") -> str:
    """Write a moment in UTC as ISO 8601 with a Z: `2026-01-01T00:00:00Z`. `timespec` is that of `isoformat`."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")
