"""Showing on a terminal what other people wrote, without letting it drive the terminal. Pure."""

from __future__ import annotations

import unicodedata

# Control, format (bidirectional overrides, zero width), surrogate; line and paragraph separator.
_NOT_SHOWN_AS_IS = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def safe(text: str) -> str:
    """Return the text with whatever is not simply visible as an escape: `\\x1b` for ESC."""
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in _NOT_SHOWN_AS_IS else char
        for char in text
    )
