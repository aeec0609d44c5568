"""What every part of the notation of fault rules shares."""

from __future__ import annotations

MAX_TIMES = 1000


class BadRule(ValueError):
    """The text is no fault rule; the message says what is wrong and what is possible."""


def read_times(text: str | None) -> int:
    """Return how often a rule acts: once, if it does not say. Raises BadRule."""
    times = int(text) if text else 1
    if not 1 <= times <= MAX_TIMES:
        raise BadRule(f"{text} times? 1 to {MAX_TIMES} is possible")
    return times
