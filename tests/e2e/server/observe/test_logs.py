"""The server's log: what is in it, what never is, and that it is silent unless asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rescue_common.state_directory import Access
from rescue_emulator.world.technician import CommandRefused
from rescue_server.observe.logs import LogFormat, configure, facts

from .conftest import Watched, json_lines, log_lines, refused_start


async def test_json_lines_tell_each_call_and_each_event_and_no_secret(watched: Watched) -> None:
    world = await watched("--log", "json")
    await world.set("group:Support", terms="Sign here in blood")
    alice = await world.technician("alice")
    session, pin = await alice.pin("Jan")
    computer = await world.computer(pin=pin, terms="accept")
    started = await alice.command("start", session)
    await alice.command("chat", session, "the password is swordfish")
    await computer.chat("thank you kindly")
    with pytest.raises(CommandRefused):
        await alice.command("lead", session, "accept")
    await world.stop_server()

    lines = json_lines(world)
    calls = [line for line in lines if line["logger"] == "rescue_server.calls"]
    start = next(line for line in calls if line["method"] == "StartSession")
    assert (start["level"], start["code"], start["user"]) == ("info", "OK", "alice")
    assert (start["session"], start["revision"]) == (session, started["revision"])
    assert start["seconds"] > 0
    refused = next(line for line in calls if line["method"] == "AcceptLead")
    assert refused["code"] == "FAILED_PRECONDITION"
    event = next(line for line in lines if line.get("event") == "SessionStarted")
    assert (event["message"], event["revision"]) == ("alice clicked Start session", started["revision"])
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["at"]) for line in lines)
    watch = next(line for line in calls if line["method"] == "WatchQueue")
    assert watch["user"] == "alice"
    assert "peer" not in watch
    signed_in = [line for line in calls if line["method"] == "SignIn"]
    assert {line["peer"] for line in signed_in} == {"127.0.0.1"}  # who is not signed in comes from somewhere

    everything = "\n".join(log_lines(world))
    unspeakable = [*Access.read(world.data).secrets.values(), "swordfish", "kindly", "blood", "sha256", "Bearer"]
    assert [word for word in unspeakable if word in everything] == []


async def test_text_lines_are_for_people_and_by_default_there_are_none(watched: Watched) -> None:
    world = await watched("--log", "text")
    await world.clock.show()
    assert any(re.search(r"Z info +GetClock OK .*user=admin", line) for line in log_lines(world))
    for silent in ([], ["--log", "json", "--log-level", "error"]):
        await world.restart_server(*silent)
        await world.clock.show()
        assert log_lines(world) == ["(no log)"]


def test_a_line_of_text_stays_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    import logging

    log = logging.getLogger("rescue_server.test")
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        configure(LogFormat.TEXT, "info")
        log.info("hello", extra=facts(name="two\nlines \x1b[2J", nothing="", none=None))
        configure(LogFormat.JSON, "info")
        log.info("hello", extra=facts(name="two\nlines"))
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    text, as_json = capfd.readouterr().err.splitlines()
    assert text.endswith(r"hello  name=two\nlines \x1b[2J")
    assert as_json.endswith(r'"message": "hello", "name": "two\nlines"}')


@pytest.mark.parametrize("options", [["--log", "xml"], ["--log-level", "loud"], ["--metrics", "9090"]])
def test_wrong_usage_is_status_2(tmp_path: Path, options: list[str]) -> None:
    assert refused_start(tmp_path, *options).returncode == 2
