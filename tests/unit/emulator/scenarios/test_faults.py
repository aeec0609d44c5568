"""Faults as steps of a scenario: each kind is taken, told in plain words, and gone before the next story."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from rescue_applet.faults import flap
from rescue_common.lan_notation import SLOTS, Flap, HalfOpen, Reset, parse_lan_fault
from rescue_emulator.scenarios.model import Step
from rescue_emulator.scenarios.sentences import sentence

STRUCK = (
    "lan delay 20ms ±10ms",
    "lan loss 10%",
    "lan lift delay",
    "lan reset",
    "lan half-open",
    "lan loss up for 10s",
    "lan loss down for 10s",
    "lan off for 15s",
    "lan flap 1s..5s/2s ×2",
)
STORIES = f"""\
title: One of each
steps:
  - alice: pin
  - customer: run applet
  - admin: fault add delay next StartSession by 0s
  - admin: fault add fail next 1000 HoldSession with ABORTED
  - alice: start
{"".join(f"  - computer: {step}{chr(10)}" for step in STRUCK)}\
  - clock: advance 40s
  - computer: lan on
  - alice: cannot hold
queues:
  alice: [Connecting, 'Waiting, row 1', 'Active, row 3']
---
title: What the one before did is over
steps:
  - alice: pin
  - customer: run applet
  - alice: start
  - alice: hold
---
title: Too early
participants:
  customers: [vos, smit]
steps:
  - alice: pin for vos
  - admin: 'fault add when vos becomes Active: kill applet'
  - admin: fault add lose next 2 heartbeats at smit
"""


def test_one_of_each_kind_is_struck_below() -> None:
    faults = [parse_lan_fault(step.removeprefix("lan ")) for step in STRUCK if not step.startswith("lan lift")]
    assert {fault.slot for fault in faults} == {*SLOTS, HalfOpen.slot, Reset.slot}


@pytest.mark.long
@pytest.mark.timeout(300)  # real programs, on a machine that may be busy
def test_every_fault_is_taken_and_none_outlives_its_story(tmp_path: Path) -> None:
    story = tmp_path / "faults.yaml"
    story.write_text(STORIES, encoding="utf-8")
    early = "admin: fault add lose next 2 heartbeats at smit"
    assert [line.get("faults", []) for line in run(story)] == [
        [],
        [],
        [f"line {len(STORIES.splitlines())}, {early}: smit has no session yet that a fault could happen to"],
    ]


def run(story: Path, *options: str) -> list[Any]:
    command = [sys.executable, "-m", "rescue_emulator", "scenario", "run", "--json", *options, str(story)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


FLAP = "flap 20s..100s/5s ×1"
BY_CHANCE = f"""\
title: By chance
steps:
  - alice: pin
  - customer: run applet
  - computer: lan {FLAP}
  - clock: advance 105s
at most:
  alice: [1]
"""


def outages() -> Iterator[tuple[int, float]]:
    """Seeds, and the outage in seconds that each makes of the flap."""
    fault = parse_lan_fault(FLAP)
    assert isinstance(fault, Flap)
    for seed in count(1):
        yield seed, next(flap.turns(fault, Random(f"{seed} {fault}")))[0].total_seconds()


@pytest.mark.long
@pytest.mark.timeout(300)  # real programs, on a machine that may be busy
def test_a_seed_replays_what_chance_decides_in_each_story(tmp_path: Path) -> None:
    stories = tmp_path / "chance.yaml"
    stories.write_text(f"{BY_CHANCE}---\n{BY_CHANCE}", encoding="utf-8")
    short = next(seed for seed, seconds in outages() if seconds < 50)
    long = next(seed for seed, seconds in outages() if seconds > 70)
    assert [line["ok"] for line in run(stories, "--seed", str(short))] == [True, True]
    assert [(line["ok"], line.get("seed")) for line in run(stories, "--seed", str(long))] == [(False, long)] * 2


@pytest.mark.parametrize(
    ("who", "what", "told"),
    [
        ("vos", "lan off", "A foot catches the network cable of Vos's computer"),
        ("vos", "lan off for 90s", "A foot catches the network cable of Vos's computer, for 1m30s"),
        ("vos", "lan on", "The network cable of Vos's computer is back in"),
        ("vos", "lan loss up", "Whatever Vos's computer sends gets lost on its way"),
        ("vos", "lan loss down for 5s", "Whatever is sent to Vos's computer gets lost on its way, for 5s"),
        ("vos", "lan lift loss up", "The network of Vos's computer is over its loss up"),
        ("vos", "lan flap 3s/1s..2s",
            "The network cable of Vos's computer has a loose contact: out for 3s, in for 1s..2s, over and over"),
        ("vos", "lan flap 3s/2s x4",
            "The network cable of Vos's computer has a loose contact: out for 3s, in for 2s, 4 times"),
        ("vos", "chat thanks for all", "Vos writes: thanks for all"),
        ("admin", "fault add lan off for 9s at vos", "The administrator adds a fault: lan off for 9s at vos"),
        ("admin", "set group:Support terms=Good for you", "The administrator sets group:Support terms=Good for you"),
        ("alice", "start for vos", "Alice starts the session for Vos"),
    ],
)  # fmt: skip
def test_a_step_is_told_in_plain_words(who: str, what: str, told: str) -> None:
    assert sentence(Step(who=who, what=what)) == told


@pytest.mark.parametrize("said", [step for step in STRUCK if not step.startswith("lan lift")])
def test_every_fault_of_a_lan_is_told(said: str) -> None:
    told = sentence(Step(who="vos", what=said))
    assert "Vos's computer" in told
    assert said not in told
