"""Limits as options: which there are, and which values they take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from rescue_server import app
from rescue_server.cli.server import server
from rescue_server.runtime.limits import LIMITS, changed
from rescue_server.startup.options import ServerOptions


def test_a_limit_is_changed_by_its_name() -> None:
    limits = changed(changed(LIMITS, "streams-per-technician", "7"), "channel-starts-per-second", "2.5")
    assert (limits.streams_per_technician, limits.channel_starts_per_second) == (7, 2.5)
    assert limits.attachments_per_peer == LIMITS.attachments_per_peer


@pytest.mark.parametrize("value", ["0", "-1", "1000001", "many", "", "1.5", "nan", "inf"])
def test_what_is_in_no_range_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="a whole number from 1 to 1000000"):
        changed(LIMITS, "attachments-per-peer", value)


def test_the_server_gets_the_limits_of_its_command_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[ServerOptions] = []
    monkeypatch.setattr(app, "serve", started.append)
    given = ["--limit", "streams-per-computer=2", "--limit", "attachments-per-peer=9"]
    done = CliRunner().invoke(server, ["--data", str(tmp_path), *given], standalone_mode=False)
    assert done.exception is None
    assert started[0].limits == replace(LIMITS, streams_per_computer=2, attachments_per_peer=9)


@pytest.mark.parametrize("given", ["streams=7", "streams-per-technician", "applet-messages-per-second=nan"])
def test_the_command_line_says_what_is_wrong(given: str) -> None:
    done = CliRunner().invoke(server, ["--limit", given])
    assert done.exit_code == 2
    assert "--limit" in done.output
    assert "Traceback" not in done.output
