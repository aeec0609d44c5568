"""A store that version 0.1.0 wrote: today's server opens it and shows the same queues and the same journal.

The store was copied from a server that was killed in the middle of its work. Its clock was paused, so all times are
the same today. `queues/` is what the consoles printed then, `events.jsonl` what `rescue events --json` printed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

STORE = Path(__file__).parent / "store-0.1.0"
DEFAULTS = {
    "by": "",
    "reset_by": "",
    "fields": [],
    "tracking": "",
    "computer": {"address": "", "language": "en", "platform": "Windows"},
}  # of what events have got since
TECHNICIANS = sorted(path.stem for path in (STORE / "queues").iterdir())


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state directory of a running server that was started on a copy of the store."""
    directory = tmp_path_factory.mktemp("state")
    for name in ("store.sqlite3", "access.json", "server.key"):
        shutil.copyfile(STORE / name, directory / name)
        (directory / name).chmod(0o600)
    server = subprocess.Popen(
        [sys.executable, "-m", "rescue_server", "--data", str(directory), "--json"], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        assert json.loads(server.stdout.readline())["event"] == "ready"
        yield directory
    finally:
        server.terminate()
        assert server.wait(30) == 0
        server.stdout.close()


def lines(command: list[str], state: Path, typed: str = "") -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "rescue_emulator", *command, "--data", str(state), "--json"],
        input=typed,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_journal_reads_as_it_was_written(state: Path) -> None:
    before = written(STORE / "events.jsonl")
    now = lines(["events"], state)[: len(before)]
    assert [_without_later_fields(line, was) for line, was in zip(now, before, strict=True)] == before


def _without_later_fields(line: dict[str, Any], was: dict[str, Any]) -> dict[str, Any]:
    """A line without the fields of the event that it did not have when it was written: they show their defaults."""
    later = {name: value for name, value in line["body"].items() if name not in was["body"]}
    assert later == {name: DEFAULTS[name] for name in later}
    return {**line, "body": {name: value for name, value in line["body"].items() if name in was["body"]}}


@pytest.mark.parametrize("technician", TECHNICIANS)
def test_a_queue_shows_what_it_showed(technician: str, state: Path) -> None:
    (before,) = (line["entries"] for line in written(STORE / f"queues/{technician}.jsonl") if "entries" in line)
    (now,) = (line["entries"] for line in lines(["console", technician], state, "queue\n") if "entries" in line)
    assert now == [_without_others_who_wait(entry, technician) for entry in before]


def _without_others_who_wait(entry: dict[str, Any], technician: str) -> dict[str, Any]:
    """An entry as it is shown since technicians who wait for the same session do not see each other."""
    if entry["status"] != "Waiting":
        return entry
    return {**entry, "participants": [one for one in entry["participants"] if one["technician"] == technician]}
