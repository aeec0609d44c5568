"""`rescue cluster`: the demonstration, the state of a cluster, and its key."""

from __future__ import annotations

import contextlib
import json
import os
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


def said(running: subprocess.Popen[str], line: str) -> str:
    """Give an order that cannot be carried out; return the line that says so."""
    assert running.stdin is not None
    assert running.stdout is not None
    running.stdin.write(f"{line}\n")
    running.stdin.flush()
    return next(running.stdout).strip()


def test_an_order_that_cannot_be_carried_out_ends_nothing(demonstration: subprocess.Popen[str]) -> None:
    before = table(demonstration)
    for line, answer in {
        "start node n1": "n1 runs already",
        "start server s2": "s2 runs already",
        "kill node n9": "'kill node n9' is no order",
    }.items():
        assert said(demonstration, line).startswith(answer)
        assert table(demonstration) == before
    order(demonstration, "stop server s1")
    order(demonstration, "kill node n1")
    assert said(demonstration, "kill node n1") == "n1 does not run"
    table(demonstration)
    assert said(demonstration, "start server s1").startswith("s1 ended with status 1")


def listening_at(port: int) -> int:
    """Return the process that listens at a port."""
    tables = (Path("/proc/net") / name for name in ("tcp", "tcp6"))
    lines = [line.split() for table in tables for line in table.read_text().splitlines()]
    inode = next(words[9] for words in lines if words[1].endswith(f":{port:04X}") and words[3] == "0A")
    for fd in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if fd.readlink().name == f"socket:[{inode}]" and fd.parent.parent.name != str(os.getpid()):
                return int(fd.parent.parent.name)
    raise AssertionError(f"nobody listens at {port}")


@pytest.mark.skipif(sys.platform != "linux", reason="finds the process as Linux tells it")
def test_a_server_that_somebody_else_kills_is_shown(demonstration: subprocess.Popen[str], tmp_path: Path) -> None:
    before = table(demonstration)
    leader = next(name for name, role in before.items() if role == "leads")
    (other,) = set(before) - {leader}
    shown = json.loads(rescue("cluster", "status", "--json", "--data", str(tmp_path / "cluster" / other)).stdout)
    (address,) = [one["server"] for one in shown["servers"] if one["name"] == leader]
    os.kill(listening_at(int(address.rpartition(":")[2])), signal.SIGKILL)
    while table(demonstration) != {leader: "is away", other: "leads"}:
        pass


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
