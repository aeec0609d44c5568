"""A server whose journal does not fit together names the event and does not start, with assertions or without."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from rescue_server.core.events import AnySessionEvent, LinkLost, SessionHeld
from rescue_server.store.protocol import StoredEvent
from rescue_server.store.sqlite import SqliteStore

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize("options", [[], ["-O"]], ids=["python", "python -O"])
@pytest.mark.parametrize(
    "event",
    [
        SessionHeld(session="1001", at=NOON, technician="alice"),
        LinkLost(session="1001", at=NOON, period=timedelta(minutes=1)),
    ],
    ids=["command", "deadline"],
)
def test_a_session_that_was_never_created_is_named_in_one_line(
    tmp_path: Path, event: AnySessionEvent, options: list[str]
) -> None:
    data = tmp_path / "data"
    with closing(SqliteStore.open(data / "store.sqlite3")) as store:
        store.append([StoredEvent(revision=1, at=NOON, stream="1001", body=msgspec.json.encode(event))])

    command = [sys.executable, *options, "-m", "rescue_server", "--data", str(data), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "rescue server: event 1 of the journal (1001) means nothing to this program: an event of a session that was"
        " never created. Use the newer program that wrote it, or restore a backup with"
        " `rescue server --restore FILE`\n"
    )
