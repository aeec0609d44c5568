"""What people may type: durations and the customer's commands."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rescue_applet import commands
from rescue_common.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("1.5s", timedelta(milliseconds=1500)),
        ("250ms", timedelta(milliseconds=250)),
        ("2d", timedelta(days=2)),
        ("0s", timedelta(0)),
        (" 1H ", timedelta(hours=1)),
    ],
)
def test_a_duration_is_read(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize("text", ["", "30", "s", "-5s", "5 m", "30m1h", "5x", "9999999999d", "٣s", "nan"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"1h30m|longer than"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("accept", commands.AnswerTerms(accepted=True)),
        ("  Decline ", commands.AnswerTerms(accepted=False)),
        ("lan   off", commands.SwitchLan(on=False)),
        ("lan on\r", commands.SwitchLan(on=True)),
        ("reboot", commands.Reboot()),
        ("reboot 1m", commands.Reboot(boot_time=timedelta(minutes=1))),
        ("reboot hold", commands.Reboot(hold=True)),
        ("boot", commands.Boot()),
        ("chat  Hello there,  you ", commands.WriteChatLine(text="Hello there,  you")),
        ("close", commands.CloseApplet()),
        ("quit", commands.PullPlug()),
    ],
)
def test_a_line_is_a_command(line: str, command: commands.Command) -> None:
    assert commands.parse_command(line) == command


@pytest.mark.parametrize("line", ["dance", "lan", "lan sideways", "reboot soon", "chat", "chat  ", "accept it"])
def test_a_malformed_line_is_refused(line: str) -> None:
    with pytest.raises(commands.BadCommand):
        commands.parse_command(line)
