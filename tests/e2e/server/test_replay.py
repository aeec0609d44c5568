"""`rescue replay`: real consoles see the updates of a recorded journal as they were, at any speed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rescue_client.clock import ClockClient
from rescue_client.connection import Connection
from rescue_common.processes.child import Program
from rescue_common.state_directory import Access
from rescue_emulator.world.technician import CommandRefused, Technician
from tests.recorded_sentences import as_worded_now

FIXTURES = Path(__file__).parents[2] / "contract/server/journals"
CONFORMANCE = FIXTURES / "0.1.0-conformance.jsonl"
OTHERS = FIXTURES / "0.1.0-others.jsonl"
TECHNICIANS = ("alice", "bob", "carol", "dave")


@asynccontextmanager
async def replaying(journal: Path, data: Path, *options: str) -> AsyncIterator[Program]:
    program = await Program.start(
        "replay", "rescue_emulator", "replay", str(journal), "--data", str(data), "--json", *options
    )
    try:
        await program.event("ready", timeout=60)
        yield program
    finally:
        await program.stop()


@asynccontextmanager
async def console(name: str, data: Path) -> AsyncIterator[Technician]:
    program = await Program.start(f"console {name}", "rescue_console", name, "--json", "--data", str(data))

    async def nothing() -> str:
        return ""

    technician = Technician(name, program, report=nothing)
    try:
        await program.event("snapshot-end", timeout=60)
        yield technician
    finally:
        await program.stop()


def administrator(data: Path) -> Connection:
    access = Access.read(data)
    return Connection(access.server, user="admin", secret=access.secrets["admin"], timeout=timedelta(seconds=10))


def recorded(journal: Path, technician: str) -> list[tuple[Any, ...]]:
    """What a technician's console showed when the journal was recorded."""
    lines = map(json.loads, journal.read_text(encoding="utf-8").splitlines())
    return [
        (
            line["revision"],
            line["stream"],
            change["previous"],
            change["status"],
            change["row"],
            as_worded_now(line["cause"]),
        )
        for line in lines
        for change in line["changes"]
        if change["technician"] == technician
    ]


def shown(technician: Technician) -> list[tuple[Any, ...]]:
    """What it shows of the replay."""
    return [
        (event["revision"], event["session"], event["previous"], event["status"], event["row"], event["cause"])
        for event in technician.program.events
        if event.get("event") == "entry" and not event.get("snapshot")
    ]


async def test_consoles_see_all_62_rows_again_as_they_were(tmp_path: Path) -> None:
    data = tmp_path / "replay"
    async with (
        replaying(CONFORMANCE, data, "--paused") as server,
        console("alice", data) as alice,
        console("bob", data) as bob,
        console("carol", data) as carol,
        console("dave", data) as dave,
    ):
        assert shown(alice) == []  # paused: nothing has begun
        async with administrator(data) as connection:
            await ClockClient(connection).advance(timedelta(hours=2))
        await server.event("played", timeout=60)
        for technician in (alice, bob, carol, dave):
            await technician.sync()
            assert shown(technician) == recorded(CONFORMANCE, technician.name)
        with pytest.raises(CommandRefused, match="can be watched, not changed"):
            await alice.command("pin")
        await alice.command("focus", "off")
        await alice.sync()
        assert shown(alice) == recorded(CONFORMANCE, "alice")


@pytest.mark.long
async def test_at_a_speed_it_plays_by_itself_to_the_end(tmp_path: Path) -> None:
    data = tmp_path / "replay"
    events = len(OTHERS.read_text(encoding="utf-8").splitlines())
    async with replaying(OTHERS, data, "--paused") as server, console("alice", data) as alice:
        async with administrator(data) as connection:
            await ClockClient(connection).set_speed(1000)
        assert (await server.event("played", timeout=60))["revision"] == events
        await alice.sync()
        assert shown(alice) == recorded(OTHERS, "alice")
    async with replaying(OTHERS, tmp_path / "again", "--speed", "1000") as server:
        assert (await server.event("played", timeout=60))["revision"] == events


def test_what_cannot_be_played_is_told(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RESCUE_")}

    def rescue(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "rescue_emulator", "replay", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)

    lines = CONFORMANCE.read_text(encoding="utf-8").splitlines(keepends=True)
    partial = tmp_path / "partial.jsonl"
    partial.write_text("".join(line for line in lines if '"stream": "organization"' not in line), encoding="utf-8")
    different = tmp_path / "different.jsonl"
    different.write_text("".join(lines).replace('"row": 6,', '"row": 7,', 1), encoding="utf-8")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    for arguments, expected in (
        ([partial], "whole journal"),
        ([different], "row 7"),
        ([CONFORMANCE, "--data", tmp_path / "full"], "not empty"),
    ):
        done = rescue(*arguments)
        assert (done.returncode, expected in done.stderr) == (1, True), done.stderr
        assert "Traceback" not in done.stderr
    assert rescue(CONFORMANCE, "--listen", "0.0.0.0:0").returncode == 2
