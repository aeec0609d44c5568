"""Terminals: a screen that one program draws on alone, and text of other people that cannot drive the terminal."""

from __future__ import annotations

import os
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

_LONGEST_REMARK = 64 * 1024  # bytes of stderr that are shown after the screen was left
_STDERR = 2
# Control, format (bidirectional overrides, zero width), surrogate; line and paragraph separator.
_ESCAPED_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def safe(text: str) -> str:
    """Return the text with every character that is not simply visible as an escape: `\\x1b` for ESC. Pure."""
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in _ESCAPED_CATEGORIES else char
        for char in text
    )


@contextmanager
def own_screen() -> Iterator[None]:
    """Keep the terminal for the program that draws on `sys.__stderr__`; print other output to stderr afterwards.

    Textual draws on stderr. Libraries and child processes write to stderr too, which would damage the screen.
    """
    drawn_on = sys.__stderr__
    with open(os.dup(_STDERR), "w", encoding="utf-8", errors="replace") as screen, tempfile.TemporaryFile() as remarks:
        os.dup2(remarks.fileno(), _STDERR)
        sys.__stderr__ = screen  # type: ignore[misc]  # it is Final to type checkers, and there is no other hook
        try:
            yield
        finally:
            sys.__stderr__ = drawn_on  # type: ignore[misc]
            screen.flush()
            os.dup2(screen.fileno(), _STDERR)
            remarks.seek(max(remarks.seek(0, os.SEEK_END) - _LONGEST_REMARK, 0))
            os.write(_STDERR, remarks.read(_LONGEST_REMARK))
