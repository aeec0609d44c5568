"""Which face a program puts on: the full screen on a terminal, if Textual is there and nobody asked for lines."""

from __future__ import annotations

import io

import pytest

from rescue_applet import __main__ as applet
from rescue_console import front_end as console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def sit_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """To be called in the test itself: pytest puts its own streams back between set-up and call."""
    stderr = Terminal()
    for name, stream in (("stdin", Terminal()), ("stdout", Terminal()), ("stderr", stderr)):
        monkeypatch.setattr(f"sys.{name}", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    return stderr


def test_a_terminal_shows_the_full_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    sit_at_a_terminal(monkeypatch)
    assert console._front_end(plain=False, language="en") == "full"
    assert applet._can_show_full_screen()


def test_plain_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    sit_at_a_terminal(monkeypatch)
    assert console._front_end(plain=True, language="en") == "plain"


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
def test_a_pipe_is_not_drawn_on(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sit_at_a_terminal(monkeypatch)
    monkeypatch.setattr(f"sys.{name}", io.StringIO())
    assert console._front_end(plain=False, language="en") == "plain"
    assert not applet._can_show_full_screen()


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    sit_at_a_terminal(monkeypatch)
    monkeypatch.setenv("TERM", "dumb")
    assert console._front_end(plain=False, language="en") == "plain"
    assert not applet._can_show_full_screen()


@pytest.mark.parametrize(("language", "said"), [("en", "needs Textual"), ("nl", "heeft Textual nodig")])
def test_without_textual_one_line_says_how_to_get_it(language: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = sit_at_a_terminal(monkeypatch)
    monkeypatch.setattr(console, "is_textual_installed", lambda: False)
    monkeypatch.setattr(applet, "is_textual_installed", lambda: False)
    assert console._front_end(plain=False, language=language) == "plain"
    (line,) = terminal.getvalue().splitlines()
    assert said in line
    assert "pip install 'rescue-emulator[tui]'" in line
    assert not applet._can_show_full_screen()
    assert len(terminal.getvalue().splitlines()) == 2
