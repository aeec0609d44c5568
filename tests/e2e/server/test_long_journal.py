"""A server with a long journal is back quickly after an orderly end, and as it was after any other."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime
from pathlib import Path

from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_client.records import Entry
from rescue_common.processes.child import Program
from rescue_server.core import commands, decide
from rescue_server.core.organization import SecretChanged
from rescue_server.runtime.checkpoint import BEHIND
from rescue_server.runtime.credentials import hash_secret
from rescue_server.runtime.state import EngineState
from rescue_server.startup.organization_file import read_organization
from rescue_server.store.files import STORE_FILE, sidecar
from rescue_server.store.protocol import ClockMark
from rescue_server.store.sqlite import SqliteStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS = 3 * BEHIND


def long_journal(path: Path) -> None:
    """Alice's sessions: all were ended but the last ten."""
    state = EngineState()
    secret = SecretChanged(at=NOW, user="alice", secret_hash=hash_secret("is not known to anybody"))
    stored = [state.apply(event).stored() for event in (*read_organization(None, NOW), secret)]
    while state.revision < EVENTS:
        context = decide.Context(organization=state.organization, in_focus=frozenset(), now=NOW)
        number = state.next_session_id()
        events = decide.create_pin(
            session=number, technician="alice", pin=f"{state.revision:06d}", customer="Ana", context=context
        )
        stored += [state.apply(event).stored() for event in events]
        if state.revision < EVENTS - 10:
            events = decide.decide(
                state.sessions[number], commands.EndSession(technician="alice", session=number), context
            )
            stored += [state.apply(event).stored() for event in events]
    with contextlib.closing(SqliteStore.open(path)) as store:
        store.append(stored, clock=ClockMark(now=NOW, speed=1.0, paused=True))


async def started(data: Path) -> tuple[Program, str, int]:
    """Start a server; return it, its address, and how many events it replayed."""
    options = ("--listen", "127.0.0.1:0", "--data", str(data), "--json", "--paused", "--log", "text")
    program = await Program.start("server", "rescue_server", *options, "--log-level", "info")
    address = str((await program.event("ready", 60))["server"])
    replayed = re.search(r"(\d+) events were replayed", program.log_tail(200))
    assert replayed is not None, program.log_tail()
    return program, address, int(replayed[1])


async def shown(address: str, data: Path) -> tuple[Entry, ...]:
    async with Connection.find(user="alice", server=address, data=data) as connection:
        entries = (await ConsoleClient(connection).queue()).entries
    assert 10 <= len(entries) <= 20
    return entries


async def test_after_an_orderly_end_only_the_latest_events_are_replayed(tmp_path: Path) -> None:
    data = tmp_path / "state"
    data.mkdir(0o700)
    store, checkpoint = data / STORE_FILE, sidecar(data / STORE_FILE, ".checkpoint")
    long_journal(store)
    program, address, replayed = await started(data)
    assert replayed >= EVENTS
    before = await shown(address, data)
    assert await program.stop() == 0
    assert checkpoint.stat().st_mode & 0o777 == 0o600

    program, address, replayed = await started(data)
    assert BEHIND <= replayed <= 2 * BEHIND
    assert not checkpoint.exists()
    assert await shown(address, data) == before
    await program.kill()

    program, address, replayed = await started(data)
    assert replayed >= EVENTS
    assert await shown(address, data) == before
    assert await program.stop() == 0

    damaged = bytearray(store.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    store.write_bytes(damaged)
    refused = await Program.start("server", "rescue_server", "--data", str(data))
    assert await refused.ended(60) == 1
    assert "damaged" in refused.log_tail()
