"""`rescue scenario run` with real programs: every story is as told, and what is not is found out."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rescue_emulator.cli.scenario import wrapped

pytestmark = pytest.mark.timeout(300)  # real programs, on a machine that may be busy

STORIES = sorted(Path(str(resources.files("rescue_emulator.scenarios") / "stories")).glob("*.yaml"))
RUN = [sys.executable, "-m", "rescue_emulator", "scenario", "run"]
SHORT = """\
title: Short
settings:
  group:Support: {reconnect-period: 9s, heartbeat-interval: 5s}
steps:
  - alice: pin
  - customer: run applet
  - quiz: alice sees Waiting
  - computer: lan off
  - clock: advance 2m
  - alice: sees Reconnecting
"""


def run(*arguments: str | Path, timeout: float = 280) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RUN, *map(str, arguments)], capture_output=True, text=True, timeout=timeout)


def test_a_class_reads_whole_words() -> None:
    told = "    09:00  alice: Active\n      because bob did nothing for ten minutes"
    assert wrapped(told, 30).splitlines() == [
        "    09:00  alice: Active",
        "      because bob did nothing",
        "      for ten minutes",
    ]
    assert wrapped("\nshort", 30) == "\nshort"


@pytest.mark.long
def test_every_story_is_as_told(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    done = run("--json", "--junit", report, *STORIES)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line for line in lines if not line["ok"]] == []
    assert len(lines) == len(STORIES) >= 10
    assert done.returncode == 0
    cases = ElementTree.parse(report).getroot().findall("./testsuite/testcase")
    assert [(case.get("classname"), case.get("name")) for case in cases] == [
        (str(path), line["scenario"]) for path, line in zip(STORIES, lines, strict=True)
    ]


@pytest.mark.long
def test_a_story_that_goes_otherwise_is_found_out(tmp_path: Path) -> None:
    wrong, excess, early = tmp_path / "wrong.yaml", tmp_path / "excess.yaml", tmp_path / "early.yaml"
    wrong.write_text(SHORT + "queues:\n  alice: [Connecting, 'Waiting, row 1']\n", encoding="utf-8")
    excess.write_text(SHORT + "at most:\n  alice: [1, 3]\n", encoding="utf-8")
    early.write_text("steps:\n  - alice: pin\n  - alice: cannot end\n", encoding="utf-8")
    report = tmp_path / "report.xml"
    done = run("--json", "--junit", report, wrong, excess, early)
    faults = [json.loads(line)["faults"] for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert "alice saw Connecting > Waiting (1) > Reconnecting (6) and should have seen" in faults[0][0]
    assert faults[1] == ["alice saw Reconnecting (6), which is more than at most may be seen"]
    assert faults[2][0] == "line 3, alice: cannot end: alice could end"
    suite = ElementTree.parse(report).getroot().find("./testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("3", "3")


@pytest.mark.long
def test_a_run_that_is_broken_off_still_reports(tmp_path: Path) -> None:
    story, report = tmp_path / "short.yaml", tmp_path / "report.xml"
    story.write_text(f"{SHORT}---\n{SHORT}  - clock: advance 24h\n", encoding="utf-8")
    command = [*RUN, "--speed", "60", "--json", "--junit", str(report), str(story)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert json.loads(running.stdout.readline())["ok"]
        running.terminate()
        running.communicate(timeout=60)
    assert running.returncode == 130
    suite = ElementTree.parse(report).getroot().find("./testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "0", "1")
    assert [[found.tag for found in case] for case in suite.findall("testcase")] == [[], ["error"]]


@pytest.mark.long
def test_with_a_speed_the_clock_runs_and_is_waited_for(tmp_path: Path) -> None:
    story = tmp_path / "short.yaml"
    story.write_text(SHORT, encoding="utf-8")
    done = run("--speed", "60", story)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "as told" in done.stdout


@pytest.mark.parametrize(
    ("answer", "verdict", "score"), [("waiting", "Right: Waiting.", "1 of 1"), ("Offline", "No: Waiting.", "0 of 1")]
)
@pytest.mark.long
def test_a_class_is_asked_and_told_why(tmp_path: Path, answer: str, verdict: str, score: str) -> None:
    story = tmp_path / "short.yaml"
    story.write_text(SHORT, encoding="utf-8")
    # Enter is pressed once too often; that is no answer.
    text = at_a_terminal([*RUN, "--narrate", "--step", str(story)], {"see now?": answer, "(Enter)": "\n"})
    assert verdict in text
    assert f"{score} right." in text
    before, _, after = text.partition("Which status will alice see now?")
    assert "Waiting" not in before, "the answer was given away"
    assert "because the customer's applet joined" in after
    assert "Customer runs the applet." in before
    assert "as told" in after


def at_a_terminal(command: list[str], answers: dict[str, str]) -> str:
    """Run a command on a terminal and answer whenever it has asked; return all that was shown."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb"}
    running = subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env=environment, start_new_session=True
    )
    os.close(follower)
    text, unread, until = "", "", time.monotonic() + 100
    try:
        while time.monotonic() < until:
            if not select.select([leader], [], [], 0.2)[0]:
                continue
            try:
                news = os.read(leader, 4096).decode(errors="replace")
            except OSError:  # the other end is gone
                break
            text, unread = text + news, unread + news
            for question, answer in answers.items():
                if unread.rstrip().endswith(question):
                    unread = ""
                    os.write(leader, f"{answer}\n".encode())
        running.wait(20)
    finally:
        running.kill()
        running.wait()
        os.close(leader)
    return text
