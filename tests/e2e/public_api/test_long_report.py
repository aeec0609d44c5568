"""A report over a hundred thousand sessions takes little memory beside what the server has anyway."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from rescue_common.processes.child import Program
from rescue_common.state_directory import Access
from rescue_server.core import events
from rescue_server.core.organization import Organization
from rescue_server.runtime.state import AnyEvent, AppliedEvent
from rescue_server.store.files import STORE_FILE
from rescue_server.store.protocol import ClockMark, StoredEvent
from rescue_server.store.sqlite import SqliteStore

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
SESSIONS = 100_000
MOST_MEMORY = 150 * 1024  # KiB above idle, of the server and of the program that serves the API
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
NOBODY = Organization()
END = MARCH + timedelta(seconds=SESSIONS + 60)


def lived(number: int) -> Iterator[AnyEvent]:
    """The events of a session that alice led for a minute."""
    common: Any = {"session": str(1000 + number), "at": MARCH + timedelta(seconds=number)}
    yield events.SessionCreated(
        **common, owner="group:Support", technician="alice", customer=f"Customer {number}", entries=("alice",)
    )
    yield events.PinRedeemed(**common, ticket_hash="h", computer=events.AppletComputer(address="192.0.2.7"))
    yield events.AppletJoined(**common)
    yield events.SessionStarted(**common, technician="alice")
    yield events.SessionEnded(**{**common, "at": common["at"] + timedelta(minutes=1)}, technician="alice")


def fill(path: Path) -> None:
    """Continue the journal: the events of different sessions follow one another as if each waited for the last."""
    with contextlib.closing(SqliteStore.open(path)) as store:
        revision = store.last_revision()
        for start in range(1, SESSIONS + 1, 2_000):
            batch: list[StoredEvent] = []
            for number in range(start, min(start + 2_000, SESSIONS + 1)):
                for event in lived(number):
                    revision += 1
                    batch.append(AppliedEvent(revision=revision, event=event, organization=NOBODY).stored())
            store.append(batch, clock=ClockMark(now=END, speed=1.0, paused=True))


def resident(pid: int) -> int:
    """Return the resident memory of a process, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def get(url: str, method: str, **given: object) -> tuple[str, int]:
    """Return the beginning of an answer, and how many lines it has; nothing is kept."""
    target = urlsplit(url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=300)
    with contextlib.closing(connection):
        connection.request("GET", f"{target.path}/{method}.aspx?{urlencode(given)}")
        answer = connection.getresponse()
        beginning, lines = "", 0
        while piece := answer.read(65_536):
            beginning, lines = beginning or piece[:300].decode(), lines + piece.count(b"\n")
        return beginning, lines


async def test_a_long_report_takes_little_memory(tmp_path: Path) -> None:
    options = ("--listen", "127.0.0.1:0", "--data", str(tmp_path), "--json", "--paused", "--api", "127.0.0.1:0")
    first = await Program.start("server", "rescue_server", *options, "--start-at", MARCH.isoformat())
    await first.event("ready", 60)
    assert await first.stop() == 0
    await asyncio.to_thread(fill, tmp_path / STORE_FILE)
    program = await Program.start("server", "rescue_server", *options, "--most-ended", str(2 * SESSIONS))
    ready = await program.event("ready", 300)
    url = str(ready["api"])
    code = get(url, "requestAuthCode", email="admin", pwd=Access.read(tmp_path).secrets["admin"])[0].partition(
        "AUTHCODE:"
    )[2]
    assert get(url, "setReportDate", authcode=code, bdate="3/1/2026", edate="3/3/2026")[0] == "OK"
    pids = [int(ready["pid"]), *children(int(ready["pid"]))]
    assert len(pids) >= 2
    get(url, "getReport", authcode=code, node=3000001, nodetype="EXTERNALROOT")  # what a first report loads
    idle = sum(map(resident, pids))
    reading = asyncio.create_task(asyncio.to_thread(get, url, "getReport", authcode=code, node=3000001))
    peak = idle
    while not reading.done():
        peak = max(peak, sum(map(resident, pids)))
        await asyncio.wait([reading], timeout=0.05)
    beginning, lines = await reading
    assert beginning.startswith("OK\n\nStart Time|End Time|")
    assert lines == 3 + SESSIONS
    print(f"idle {idle // 1024} MB, at most {(peak - idle) // 1024} MB more")
    assert peak - idle < MOST_MEMORY
    assert await program.stop() == 0
