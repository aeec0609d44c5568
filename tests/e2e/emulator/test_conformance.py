"""`rescue conformance` with real processes: all 62 rows, and that it notices when a console shows something else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from rescue_client.records import Status
from rescue_emulator.conformance.api_reader import ApiReader
from rescue_emulator.conformance.api_statuses import SHOWN
from rescue_emulator.conformance.row_scenarios import parse_scenarios
from rescue_emulator.scenarios.player import Player
from rescue_emulator.scenarios.stage import Stage
from rescue_emulator.world.world import World
from rescue_protos.status_table import read_rows

RESCUE = [sys.executable, "-m", "rescue_emulator", "conformance"]
WRONG = """\
row: 3
change: Waiting -> Active
seen by: alice
steps:
  - alice: pin
  - customer: run applet
  - alice: start
  - alice: invite bob
queues:
  alice:
    - Connecting
    - Waiting, row 1
    - Active, row 3
    - On Hold, row 14
"""


def environment(**more: str) -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("RESCUE_")} | more


def processes_with(mark: str) -> list[int]:
    """Every process that inherited this environment entry."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue  # it ended, or is not ours
    return found


@pytest.mark.timeout(300)
def test_all_rows_are_as_published(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    done = subprocess.run(
        [*RESCUE, "--json", "--report", str(report)], env=environment(), capture_output=True, text=True, timeout=280
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line for line in lines if not line["ok"]] == []
    assert [(line["row"], line["start"], line["end"]) for line in lines] == [
        (row.row, row.start, row.end) for row in read_rows()
    ]
    assert done.returncode == 0
    assert "62 of 62" in done.stderr.splitlines()[-1]
    assert 'id="row-62"' in report.read_text(encoding="utf-8")


@pytest.mark.timeout(300)
def test_the_public_api_shows_each_status_as_its_mapping_says() -> None:
    rows = "1,12,15,18,38,43,44,47,53,61"  # make long plays them all
    done = subprocess.run(
        [*RESCUE, "--api", "--rows", rows], env=environment(), capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout
    assert len(done.stdout.splitlines()) == 10


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_public_api_shows_every_status_of_every_row_as_its_mapping_says() -> None:
    done = subprocess.run([*RESCUE, "--api"], env=environment(), capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout
    assert len(done.stdout.splitlines()) == 62


@pytest.mark.long
@pytest.mark.timeout(300)
def test_all_rows_are_as_published_in_a_cluster_whichever_server_is_called() -> None:
    words = ["--servers", "3", "--lanes", "2"]
    done = subprocess.run([*RESCUE, *words], env=environment(), capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout
    assert len(done.stdout.splitlines()) == 62


async def test_it_notices_when_the_public_api_shows_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    (scenario,) = parse_scenarios(WRONG.replace("  - alice: invite bob\n", ""), source="here", row=3)
    monkeypatch.setitem(SHOWN, Status.WAITING, {"Active"})
    async with World(api=True) as world:
        stage = await Stage.build(world, lang="en")
        reader = ApiReader(stage=stage, scenario=scenario)
        await Player(stage).play(scenario, reader)
    assert "the API shows Waiting for alice in Waiting, not Active" in reader.conclude()[0]


@pytest.mark.long
def test_dutch_consoles_show_the_dutch_names() -> None:
    done = subprocess.run(
        [*RESCUE, "--rows", "2,10,14", "--lang", "nl"], env=environment(), capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout
    assert len(done.stdout.splitlines()) == 3
    assert "\x1b" not in done.stdout
    assert done.stderr.splitlines()[-1].startswith("3 of 3")


async def test_a_console_that_shows_something_else_is_named_with_what_it_showed() -> None:
    (wrong,) = parse_scenarios(WRONG, source="wrong.yaml", row=3)
    async with World(paused=True) as world:
        player = Player(await Stage.build(world, lang="en"))
        played = await player.play(wrong)
        await player.clear()
    assert not played.ok
    assert played.deviations == (
        "alice saw Connecting > Waiting (1) > Active (3) "
        "and should have seen Connecting > Waiting (1) > Active (3) > On Hold (14)",
        "bob saw Invitation and should have seen nothing",
    )


async def test_a_step_that_is_refused_is_told_with_the_reason_and_leaves_a_usable_stage() -> None:
    (early,) = parse_scenarios(
        WRONG.replace("  - alice: start\n", "  - alice: focus off\n  - alice: hold\n"), source="early.yaml", row=3
    )
    (right,) = parse_scenarios(
        WRONG.replace("  - alice: invite bob\n", "").replace("    - On Hold, row 14\n", ""), source="03.yaml", row=3
    )
    async with World(paused=True) as world:
        player = Player(await Stage.build(world, lang="en"))
        failed = await player.play(early)
        await player.clear()
        again = await player.play(right)
        await player.clear()
        left = [
            reply["entries"]
            for name in ("alice", "bob")
            if (reply := await player.stage.technicians[name].command("queue"))
        ]
    assert failed.deviations[0].startswith("line 8, alice: hold: ")
    assert "FAILED_PRECONDITION" in failed.deviations[0]
    assert again.deviations == ()
    assert left == [[], []]


@pytest.mark.parametrize("arguments", [["--rows", "63"], ["--lang", "fr"], ["--lanes", "0"], ["now"]])
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    done = subprocess.run([*RESCUE, *arguments], env=environment(), capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert done.stdout == ""


@pytest.mark.parametrize("stop", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
async def test_interrupted_it_leaves_nothing_behind(stop: signal.Signals) -> None:
    mark = f"CONFORMANCE_MARK={uuid4()}"
    process = await asyncio.create_subprocess_exec(
        *RESCUE,
        *("--rows", "1-62", "--lanes", "2", "--json"),
        env=environment(CONFORMANCE_MARK=mark.partition("=")[2]),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await asyncio.wait_for(process.stdout.readline(), 60)  # by then everything runs
    assert len(processes_with(mark)) > 8
    process.send_signal(stop)
    await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 130
    assert processes_with(mark) == []
