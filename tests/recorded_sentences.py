"""Sentences of recorded journals that were worded anew: they are for people, and a journal keeps the event itself."""

from __future__ import annotations

_REWORDED = {"the customer reboots his computer": "the customer reboots the computer"}


def as_worded_now(recorded: str) -> str:
    """Return a recorded sentence in today's words."""
    return _REWORDED.get(recorded, recorded)
