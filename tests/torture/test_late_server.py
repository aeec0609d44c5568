"""A server that is late blames nobody else: an applet whose answer arrived is alive, whenever the answer is read."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from rescue_common.private_files import make_private
from rescue_common.state_directory import Access
from rescue_emulator.world.world import World
from rescue_protos.v1 import access_pb2, access_pb2_grpc, clock_pb2, clock_pb2_grpc
from rescue_server.app import serving
from rescue_server.clock import ServerClock
from rescue_server.core import organization
from rescue_server.core.events import LinkLost
from rescue_server.runtime import command_handlers
from rescue_server.runtime.attachments import Attachments
from rescue_server.runtime.credentials import hash_secret, hash_ticket
from rescue_server.runtime.engine import Outcome, live_engine
from rescue_server.runtime.schedule import roll_call
from rescue_server.runtime.state import AnyEvent, read_event
from rescue_server.startup.options import ServerOptions
from rescue_server.store.files import STORE_FILE
from rescue_server.store.sqlite import SqliteStore

PATIENCE = 100  # real seconds on a busy machine
TICKET = "ticket-of-a-test"


async def prepare(store: SqliteStore, applets: int) -> list[str]:
    """Make a session for each applet; return the sessions."""
    now = datetime.now(UTC)
    engine = live_engine(store, ServerClock(start=now))
    engine.load()
    work = asyncio.ensure_future(engine.run())
    people: list[AnyEvent] = [
        organization.AdministratorAdded(at=now, name="admin"),
        organization.GroupAdded(at=now, name="Support"),
        organization.TechnicianAdded(at=now, name="alice", group="Support"),
        organization.ChannelAdded(at=now, name="Website", groups=("Support",)),
        organization.SecretChanged(at=now, user="admin", secret_hash=hash_secret("replaced at the start")),
    ]
    await engine.perform(lambda state, context: Outcome(events=people))
    start = command_handlers.start_through_channel("Website", "", hash_ticket(TICKET))
    answers = await asyncio.gather(*(engine.perform(start) for _ in range(applets)))
    await engine.flush()
    work.cancel()
    return [answer.session for answer in answers]


@contextlib.asynccontextmanager
async def swarm(address: str, sessions: list[str]) -> AsyncIterator[None]:
    """Attach an applet to each session, all in another process, for the length of the block."""
    command = [sys.executable, "-m", "tests.torture.applet_swarm", address]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write("".join(f"{session} {TICKET}\n" for session in sessions).encode() + b"\n")
        async with asyncio.timeout(PATIENCE):
            assert await process.stdout.readline() == b"attached\n"
        yield
        process.stdin.close()
        async with asyncio.timeout(PATIENCE):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def advance(address: str, data: Path, by: timedelta) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        asked = access_pb2.SignInRequest(user="admin", secret=Access.read(data).secrets["admin"])
        token = (await access_pb2_grpc.AccessServiceStub(channel).SignIn(asked, timeout=PATIENCE)).token
        request = clock_pb2.AdvanceClockRequest()
        request.by.FromTimedelta(by)
        clock = clock_pb2_grpc.ClockServiceStub(channel)
        await clock.AdvanceClock(request, metadata=(("authorization", f"Bearer {token}"),), timeout=PATIENCE)


async def lost_in_a_day(data: Path, applets: int) -> int:
    """Let that many applets attach, advance the clock by a day, and return how many lost their link."""
    make_private(data)
    with contextlib.closing(SqliteStore.open(data / STORE_FILE)) as store:
        sessions = await prepare(store, applets)
        options = ServerOptions(host="127.0.0.1", port=0, data=data, paused=True)
        async with serving(options, store) as (address, _), swarm(address, sessions):
            await advance(address, data, timedelta(days=1))
    with contextlib.closing(SqliteStore.open(data / STORE_FILE)) as store:
        return sum(isinstance(read_event(stored), LinkLost) for stored in store.read())


async def test_an_advance_loses_nobody_while_the_event_loop_is_blocked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop is blocked before the probes are written, for longer than an answer may take."""
    probe, blocked = Attachments.probe, 0

    def block_and_probe(attachments: Attachments, session: str) -> None:
        nonlocal blocked
        if not blocked:
            asyncio.get_running_loop().call_soon(time.sleep, roll_call.ANSWER_WITHIN + 0.5)
        blocked += 1
        probe(attachments, session)

    monkeypatch.setattr(roll_call, "BACK_WITHIN", 0.0)  # this server was never away
    monkeypatch.setattr(Attachments, "probe", block_and_probe)
    assert await lost_in_a_day(tmp_path / "state", 10) == 0
    assert blocked >= 10


@pytest.mark.long
async def test_nobody_is_lost_when_a_server_with_a_running_clock_was_stopped() -> None:
    """The reconnect period passes twice while the process is stopped."""
    async with World(speed=20) as world:
        alice = await world.technician("alice")
        sessions = []
        for _ in range(3):
            session, pin = await alice.pin()
            await world.computer(pin=pin)
            await alice.sees(session, "Waiting")
            sessions.append(session)
        before = (await world.clock.show()).now
        os.kill(world.server.pid, signal.SIGSTOP)
        await asyncio.sleep(6.5)
        os.kill(world.server.pid, signal.SIGCONT)
        await alice.command("sync")
        await asyncio.sleep(8)  # whoever were taken for dead would be shown by then
        assert (await world.clock.show()).now - before > timedelta(minutes=2)
        for session in sessions:
            statuses = [update.status for update in alice.history(session)]
            assert "Reconnecting" not in statuses, statuses


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_an_advance_loses_nobody_of_many(tmp_path: Path) -> None:
    assert await lost_in_a_day(tmp_path / "state", 3_000) == 0
