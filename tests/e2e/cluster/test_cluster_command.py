"""`rescue cluster`: the demonstration, the state of a cluster, and its key."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(120)
RESCUE = (sys.executable, "-m", "rescue_emulator")


def rescue(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RESCUE, *arguments], capture_output=True, text=True, timeout=60)


@pytest.fixture
def demonstration(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [*RESCUE, "cluster", "--servers", "2", "--nodes", "1", "--data", str(tmp_path / "cluster")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        yield running
        if running.poll() is None:
            running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0


def table(running: subprocess.Popen[str]) -> dict[str, str]:
    """Read up to the end of a table; return what each server is."""
    assert running.stdout is not None
    found: dict[str, str] = {}
    for line in running.stdout:
        if match := re.match(r"  (s\d) +(leads|follows|is away)", line):
            found[match[1]] = match[2]
        if line.startswith("  nodes:"):
            return found
    raise AssertionError("it has ended")


def order(running: subprocess.Popen[str], line: str) -> dict[str, str]:
    assert running.stdin is not None
    running.stdin.write(f"{line}\n")
    running.stdin.flush()
    return table(running)


def test_one_server_takes_over_from_the_other(demonstration: subprocess.Popen[str], tmp_path: Path) -> None:
    before = table(demonstration)
    assert sorted(before.values()) == ["follows", "leads"]
    leader = next(name for name, role in before.items() if role == "leads")
    (other,) = set(before) - {leader}
    assert order(demonstration, f"kill server {leader}") == {leader: "is away", other: "leads"}
    shown = rescue("cluster", "status", "--json", "--data", str(tmp_path / "cluster" / other))
    state = json.loads(shown.stdout)
    assert [(one["name"], one["role"], one["lag"]) for one in state["servers"]] == [(other, "leader", 0)]
    assert [node["role"] for node in state["nodes"]] == ["leader"]
    assert order(demonstration, f"start server {leader}") == {leader: "follows", other: "leads"}
    assert order(demonstration, "kill everybody") == {leader: "follows", other: "leads"}


def test_each_server_offers_pages_and_api_where_they_were(tmp_path: Path) -> None:
    words = [
        *RESCUE,
        "cluster",
        "--servers",
        "1",
        "--nodes",
        "1",
        "--web",
        "--api",
        "--data",
        str(tmp_path / "cluster"),
    ]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        row = r"  s1 +leads +127\.0\.0\.1:\d+ (http://127\.0\.0\.1:\d+/) (http://127\.0\.0\.1:\d+/API)"
        shown = (found.groups() for line in running.stdout if (found := re.match(row, line)))
        urls = next(shown)
        for path in (urls[0], f"{urls[1]}/API.asmx?WSDL"):
            with urllib.request.urlopen(path) as answer:
                assert answer.status == 200
        running.stdin.write("kill server s1\nstart server s1\n")
        running.stdin.flush()
        assert next(shown) == urls
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0


def test_a_key_is_made_once(tmp_path: Path) -> None:
    file = tmp_path / "cluster.key"
    assert rescue("cluster", "key", str(file)).returncode == 0
    assert (file.stat().st_mode & 0o777, file.stat().st_size) == (0o600, 32)
    again = rescue("cluster", "key", str(file))
    assert again.returncode == 1
    assert "is there already: a cluster keeps its key" in again.stderr


def test_a_directory_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    refused = rescue("cluster", "--data", str(tmp_path))
    assert refused.returncode == 2
    assert "it is not empty" in refused.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]
