"""What must not take longer the more there is: long journals, long queues, many applets, and all published rows.

There is nothing to compare these with. How long a server does one thing and nothing else is measured from outside: by
the slowest of the calls of somebody with an empty queue, a few milliseconds one after the other.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import grpc
from google.protobuf.duration_pb2 import Duration

from benchmarks.cases import Figures, attached
from benchmarks.programs import ROOT, Server, generating, server
from benchmarks.servers.population import channel, technician
from rescue_client import Connection, ConsoleClient, JournalClient
from rescue_common.processes.child import Program
from rescue_protos.v1 import (
    admin_pb2,
    admin_pb2_grpc,
    clock_pb2,
    clock_pb2_grpc,
    common_pb2,
    console_pb2,
    console_pb2_grpc,
)
from rescue_server.core import commands, decide
from rescue_server.core.organization import SecretChanged
from rescue_server.runtime.credentials import hash_secret
from rescue_server.runtime.retention import MOST_ENDED
from rescue_server.runtime.state import EngineState
from rescue_server.startup.organization_file import read_organization
from rescue_server.store.files import STORE_FILE
from rescue_server.store.protocol import ClockMark
from rescue_server.store.sqlite import SqliteStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATEST = 10  # events that are asked for
KEEP_ALL = ("--most-ended", "1000000")
FORGETTING = 600  # real seconds that a server may take to forget what it does not keep by default
COMMANDS, READERS = 1000, 2
PAUSE = 0.05  # seconds between two questions of a reader: more would compare how many programs share two cores
BETWEEN = 0.005  # seconds between two calls: without a pause they would take most of the processor, and all wait for it
SETTLES = 5.0  # seconds in which a server takes in that 10,000 connections have ended
_ANY_SIZE = [("grpc.max_receive_message_length", -1)]
OF_NOBODY = (("authorization", f"Bearer {technician(100)}"),)  # their queue is empty
OF_ADMIN = (("authorization", "Bearer admin"),)


def long_journal(kind: str, *, events: int, keeps_all: bool = True) -> Figures:
    """Start after an orderly end, and ask for the latest of a long journal.

    Unless the server keeps all ended sessions, it has forgotten most of them before its end.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        data = Path(directory) / "data"
        made, last, session = _ended_server(events, keeps_all)
        shutil.copytree(made, data)
        return asyncio.run(_asked(data, last, session, KEEP_ALL if keeps_all else ()))


@functools.cache
def _ended_server(events: int, keeps_all: bool) -> tuple[Path, int, str]:
    """Return the state directory of a server that ended in order, its last revision and session. It is made once."""
    directory = tempfile.mkdtemp(prefix="bench-journal-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    data = Path(directory) / "data"
    data.mkdir(0o700)
    state = _write_journal(data / STORE_FILE, events)

    async def run_once() -> None:
        async with _running(data, KEEP_ALL if keeps_all else (), within=300) as address:
            if not keeps_all:
                await _until_forgotten(address, data, str(state.last_session - MOST_ENDED))

    asyncio.run(run_once())
    return data, state.revision, str(state.last_session)


async def _until_forgotten(address: str, data: Path, session: str) -> None:
    """Wait until the server has forgotten the session; it forgets those that ended first before others."""
    async with Connection.find(user="admin", server=address, data=data) as connection:
        await connection.sign_in()
        for _ in range(FORGETTING):
            if not await _read(JournalClient(connection), session=session):
                return
            await asyncio.sleep(1)
    raise TimeoutError(f"session {session} is not forgotten after {FORGETTING} s")


def _write_journal(path: Path, events: int) -> EngineState:
    state = EngineState()
    # The start gives each of them a secret that is known.
    secrets = [SecretChanged(at=NOW, user=user, secret_hash=hash_secret("lost")) for user in ("admin", "alice")]
    with contextlib.closing(SqliteStore.open(path)) as store:
        stored = [state.apply(event).stored() for event in (*read_organization(None, NOW), *secrets)]
        while state.revision < events:
            context = decide.Context(organization=state.organization, in_focus=frozenset(), now=NOW)
            number = state.next_session_id()
            opened = decide.create_pin(
                session=number, technician="alice", pin=f"{int(number) % 10**6:06}", customer="Ana", context=context
            )
            stored += [state.apply(event).stored() for event in opened]
            end = commands.EndSession(technician="alice", session=number)
            ended = decide.decide(state.sessions[number], end, context)
            stored += [state.apply(event).stored() for event in ended]
            if len(stored) > 10_000:
                store.append(stored, clock=ClockMark(now=NOW, speed=1.0, paused=True))
                stored = []
        store.append(stored, clock=ClockMark(now=NOW, speed=1.0, paused=True))
    return state


@contextlib.asynccontextmanager
async def _running(data: Path, more: Sequence[str], *, within: float) -> AsyncIterator[str]:
    options = ("--listen", "127.0.0.1:0", "--data", str(data), "--paused", "--json", *more)
    program = await Program.start("server", "rescue_server", *options)
    try:
        yield str((await program.event("ready", within))["server"])
    finally:
        await program.stop(60)


async def _asked(data: Path, last: int, session: str, options: Sequence[str]) -> Figures:
    began = time.monotonic()
    async with _running(data, options, within=300) as address:
        ready = time.monotonic() - began
        async with Connection.find(user="admin", server=address, data=data) as connection:
            journal = JournalClient(connection)
            await connection.sign_in()
            figures = {
                "s to start": ready,
                "why ms": await _milliseconds(lambda: journal.explain(session)),
                "timeline ms": await _milliseconds(lambda: _read(journal, session=session)),
                "events --since ms": await _milliseconds(lambda: _read(journal, after=last - LATEST)),
                "p99 ms of a command": await asyncio.to_thread(_slow_command, address, data),
            }
            async with asyncio.TaskGroup() as group:
                readers = [group.create_task(_explain_on(journal, session)) for _ in range(READERS)]
                beside = await asyncio.to_thread(_slow_command, address, data)
                for reader in readers:
                    reader.cancel()
            return {**figures, "times that beside readers": beside / figures["p99 ms of a command"]}


def _slow_command(address: str, data: Path) -> float:
    """Return the 99th percentile of a technician's commands, one after the other, in milliseconds.

    They are given in a process of their own, in which nothing else waits for the processor.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(_commands, address, data).result()


def _commands(address: str, data: Path) -> float:
    return asyncio.run(_give_commands(address, data))


async def _give_commands(address: str, data: Path) -> float:
    async with Connection.find(user="alice", server=address, data=data) as connection:
        console = ConsoleClient(connection)
        took = []
        for _ in range(COMMANDS // 2):
            began = time.monotonic()
            pin = await console.create_pin("Ana")
            took.append(time.monotonic() - began)
            began = time.monotonic()
            await console.end(pin.session)
            took.append(time.monotonic() - began)
        return 1000 * sorted(took)[int(len(took) * 0.99)]


async def _explain_on(journal: JournalClient, session: str) -> None:
    while True:
        await journal.explain(session)
        await asyncio.sleep(PAUSE)


async def _read(journal: JournalClient, after: int = 0, session: str = "") -> int:
    async with contextlib.aclosing(journal.read(after, session=session)) as pieces:
        return sum([len(piece.lines) async for piece in pieces])


async def _milliseconds(ask: Callable[[], Awaitable[object]]) -> float:
    found = []
    for _ in range(5):
        began = time.monotonic()
        await ask()
        found.append(1000 * (time.monotonic() - began))
    return sorted(found)[len(found) // 2]


def long_queue(kind: str, *, entries: int) -> Figures:
    """Strangers come through a channel, then a console opens, lists, gains the focus, and a setting changes."""
    with server(kind) as subject, grpc.insecure_channel(subject.address, options=_ANY_SIZE) as opened:
        attached(subject, entries)
        console = console_pb2_grpc.ConsoleServiceStub(opened)
        mine = (("authorization", f"Bearer {technician(1)}"),)
        watching = console_pb2.WatchQueueRequest(console="c", in_focus=False)
        settings = common_pb2.Settings(waiting_timeout=Duration(seconds=7200))
        change = admin_pb2.ChangeSettingsRequest(request_id="wait", channel=channel(1), settings=settings)

        def open_console() -> None:
            watch = console.WatchQueue(watching, metadata=mine)
            next(watch)

        acts: dict[str, Callable[[], object]] = {
            "console": open_console,
            "list": lambda: console.ListQueue(console_pb2.ListQueueRequest(), metadata=mine),
            "focus": lambda: console.SetFocus(console_pb2.SetFocusRequest(console="c", in_focus=True), metadata=mine),
            "setting": lambda: admin_pb2_grpc.AdminServiceStub(opened).ChangeSettings(change, metadata=OF_ADMIN),
        }
        figures: Figures = {}
        for name, act in acts.items():
            with _others(subject) as slowest:
                began = time.monotonic()
                act()
                figures[f"{name} ms"] = 1000 * (time.monotonic() - began)
                time.sleep(0.3)  # what follows by itself
            figures[f"{name}: others wait ms"] = slowest()
        return figures


def advance(kind: str, *, gone: int) -> Figures:
    """Move the clock by a day when all applets are gone."""
    with server(kind) as subject, grpc.insecure_channel(subject.address) as opened:
        with generating(subject, "streams", attached(subject, gone), rate=1, warm=0, seconds=0.1) as load:
            load.figures()
        time.sleep(SETTLES)
        clock = clock_pb2_grpc.ClockServiceStub(opened)
        request = clock_pb2.AdvanceClockRequest(request_id="day", by=Duration(seconds=86_400))
        with _others(subject) as slowest:
            began = time.monotonic()
            clock.AdvanceClock(request, metadata=OF_ADMIN)
            took = time.monotonic() - began
        return {"s for 24 hours": took, "others wait ms": slowest()}


@contextlib.contextmanager
def _others(subject: Server) -> Iterator[Callable[[], float]]:
    """Call for somebody with an empty queue again and again. Yields what returns the longest wait, in milliseconds."""
    waits = [0.0]
    going = True
    with grpc.insecure_channel(subject.address) as opened, ThreadPoolExecutor(1) as pool:
        console = console_pb2_grpc.ConsoleServiceStub(opened)
        console.ListQueue(console_pb2.ListQueueRequest(), metadata=OF_NOBODY)

        def call() -> None:
            while going:
                began = time.monotonic()
                console.ListQueue(console_pb2.ListQueueRequest(), metadata=OF_NOBODY)
                waits.append(time.monotonic() - began)
                time.sleep(BETWEEN)

        calling = pool.submit(call)
        try:
            yield lambda: 1000 * max(waits)
        finally:
            going = False
        calling.result()


def rows(kind: str) -> Figures:
    """Play all published rows with real programs."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "rescue_emulator", "conformance"], check=True, capture_output=True, cwd=ROOT)
    return {"s for 62 rows": time.monotonic() - began}
