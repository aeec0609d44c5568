"""Nobody drives a technician's terminal by their name."""

from __future__ import annotations

import pytest

from rescue_common.terminal import safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Jan de Vries", "Jan de Vries"),
        ("größer 🙂", "größer 🙂"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x7f\x9b", "\\x7f\\x9b"),
        ("\u202eevil\u200b", "\\u202eevil\\u200b"),
        ("\u2028", "\\u2028"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_is_not_simply_visible_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert safe(text) == shown
