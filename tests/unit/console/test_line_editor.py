"""The line at a prompt and its editing keys."""

from __future__ import annotations

import pytest

from rescue_console.commands import LONGEST_LINE
from rescue_console.line_editor import LineEditor


@pytest.mark.parametrize(
    ("keys", "typed"),
    [
        ("chat 1001 héllo", "chat 1001 héllo"),
        ("abc\x7f", "ab"),
        ("né\x7f", "n"),
        ("\x7f\x7fa", "a"),
        ("one two \x17", "one "),
        ("gone\x15kept", "kept"),
        ("a\x1b[A\x1b[1;5C\x1bOPb\x1bxc", "abc"),
        ("a\tb\x01\x02c", "a bc"),
        ("a\x04", "a"),
    ],
)
def test_a_key_edits_the_line(keys: str, typed: str) -> None:
    editor = LineEditor()
    for byte in keys.encode():  # one at a time, as a terminal may send them
        assert list(editor.feed(bytes([byte]))) == []
    assert (editor.typed, editor.ended) == (typed, False)


def test_lines_that_are_pasted_are_cut_and_the_rest_stays() -> None:
    editor = LineEditor()
    assert list(editor.feed(b"one\ntwo\r\nthr")) == [b"one", b"two", b""]
    assert editor.typed == "thr"
    assert list(editor.finish()) == [b"thr"]


def test_ctrl_d_ends_the_input_on_an_empty_line() -> None:
    editor = LineEditor()
    assert list(editor.feed(b"\x04")) == []
    assert editor.ended


def test_a_line_that_is_too_long_is_kept_no_longer_than_it_takes_to_refuse_it() -> None:
    editor = LineEditor()
    (line,) = editor.feed(b"x" * (3 * LONGEST_LINE) + b"\n")
    assert len(line) == LONGEST_LINE + 1
