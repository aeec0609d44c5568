"""What a person is told of an error: one line."""

from __future__ import annotations


def reason_of(error: BaseException) -> str:
    """Return the first line of the error's message, or the name of its kind if it has none."""
    return (str(error) or type(error).__name__).partition("\n")[0]
