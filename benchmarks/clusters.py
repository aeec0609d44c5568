"""A cluster: what a command costs beside one server, and how long nobody answers when something of it dies.

The servers, the engine's nodes and the load share this machine: with servers on machines of their own there is more.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import grpc

from benchmarks import cases
from benchmarks.programs import SERVER_CORE, Line, Server, generating, start, stop
from rescue_client.cluster import ClusterClient
from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_client.records import ServerBack, ServerLost
from rescue_common.state_directory import find_secret
from rescue_emulator.world.cluster_programs import ENGINES, ClusterPrograms
from rescue_protos.v1 import access_pb2, access_pb2_grpc, console_pb2
from rescue_server.cluster.proofs import make_key

MANY = 1_000_000
LIMITS = ("open-sessions-per-technician", "streams-per-technician")
FOLLOWERS = 2
SETTLES = 3.0  # real seconds between two deaths
TECHNICIANS = ("alice", "bob", "carol")


def commands(kind: str, *, engine: str, callers: int, followers: int = FOLLOWERS) -> cases.Figures:
    """Technicians create PINs, each call after the other: at the server that leads, or at one server alone."""
    running = alone() if kind == "alone" else leader(engine, followers)
    with running as subject:
        message = console_pb2.CreatePinRequest(request_id=cases.ID, customer="Ms Vos").SerializeToString()
        line = Line(f"{cases.CONSOLES}/CreatePin", message, token=token_of(subject))
        with generating(subject, "calls", [line] * callers, warm=1, seconds=4) as load:
            return cases.command_figures(load.figures())


@contextlib.contextmanager
def alone() -> Iterator[Server]:
    """Run one server for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="bench-") as data, started(Path(data)) as server:
        yield server


@contextlib.contextmanager
def leader(engine: str, followers: int) -> Iterator[Server]:
    """Run a cluster for the length of the block, and return the server that leads it."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        nodes = stack.enter_context(ENGINES[engine](directory / "nodes", 3))
        options = ["--cluster", nodes.url(), "--cluster-key", str(directory / "key")]
        make_key(directory / "key")
        leads = stack.enter_context(started(directory / "s1", *options, "--name", "s1"))
        for number in range(followers):
            name = f"s{number + 2}"
            stack.enter_context(started(directory / name, *options, "--name", name, core=None))
        yield leads


@contextlib.contextmanager
def started(data: Path, *options: str, core: int | None = SERVER_CORE) -> Iterator[Server]:
    """Run a server for the length of the block, on this core or on any."""
    words = [word for name in LIMITS for word in ("--limit", f"{name}={MANY}")]
    began = time.monotonic()
    process = start("rescue_server", "--data", str(data), "--json", *options, *words, core=core)
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        took = time.monotonic() - began
        yield Server("ours", process, int(ready["server"].rpartition(":")[2]), data, took)
    finally:
        stop(process)


def token_of(server: Server) -> str:
    """Sign in, and return the token."""
    with grpc.insecure_channel(server.address) as channel:
        request = access_pb2.SignInRequest(user="alice", secret=find_secret("alice", data=server.data))
        return access_pb2_grpc.AccessServiceStub(channel).SignIn(request, timeout=30).token


# How long nobody answers


def gaps(kind: str, *, engine: str, victim: str, kills: int = 5, consoles: int = 12) -> cases.Figures:
    """Kill what leads, follows or keeps the log while consoles work; return how long they were without an answer."""
    return asyncio.run(_gaps(engine, victim, kills, consoles))


@dataclass(slots=True)
class _Desk:
    """A console at work: the longest time without an answer, and without a watch, since `begin`."""

    client: ConsoleClient
    answered_at: float = 0.0
    lost_at: float | None = None
    answer_gap: float = 0.0
    watch_gap: float = 0.0
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    found: list[tuple[float, float]] = field(default_factory=list)

    async def watch(self) -> None:
        async with contextlib.aclosing(self.client.watch()) as updates:
            async for update in updates:
                if isinstance(update, ServerLost):
                    self.lost_at = time.monotonic()
                elif isinstance(update, ServerBack) and self.lost_at is not None:
                    self.watch_gap = max(self.watch_gap, time.monotonic() - self.lost_at)
                    self.lost_at = None

    async def work(self) -> None:
        await self.client.wait_for_queue()
        session = ""
        self.answered_at = time.monotonic()
        while True:
            session = await self._act(session)
            now = time.monotonic()
            self.answer_gap, self.answered_at = max(self.answer_gap, now - self.answered_at), now
            self.answered.set()
            await asyncio.sleep(0.05)

    async def _act(self, session: str) -> str:
        """End this session, or create one; return the one to end next."""
        if not session:
            return (await self.client.create_pin("Ms Vos")).session
        await self.client.end(session)
        return ""

    async def answers(self, since: float) -> None:
        """Wait for an answer after this moment."""
        while self.answered_at <= since:
            self.answered.clear()
            await self.answered.wait()

    def begin(self) -> None:
        """Forget what was before."""
        self.answer_gap = self.watch_gap = 0.0

    def end(self) -> None:
        """Note what has been since `begin`."""
        self.found.append((self.answer_gap, self.watch_gap))


async def _gaps(engine: str, victim: str, kills: int, consoles: int) -> cases.Figures:
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        programs = await stack.enter_async_context(ClusterPrograms(directory, engine=engine))
        desks = [_Desk(await stack.enter_async_context(_console(programs, n))) for n in range(consoles)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(act()) for desk in desks for act in (desk.watch, desk.work)]
            await asyncio.sleep(SETTLES)
            for _ in range(kills):
                await _measure_one_death(programs, victim, desks)
            for task in tasks:
                task.cancel()
        answers = [answer for desk in desks for answer, _ in desk.found]
        watches = [watch for desk in desks for _, watch in desk.found]
        return {
            "median s without answer": statistics.median(answers),
            "worst s without answer": max(answers),
            "median s without watch": statistics.median(watches),
            "worst s without watch": max(watches),
        }


async def _measure_one_death(programs: ClusterPrograms, victim: str, desks: list[_Desk]) -> None:
    for desk in desks:
        desk.begin()
    bring_back = await _kill(programs, victim)
    await _all_answered(desks, time.monotonic())
    await asyncio.sleep(SETTLES)
    for desk in desks:
        desk.end()
    await bring_back()
    await asyncio.sleep(SETTLES)


@contextlib.asynccontextmanager
async def _console(programs: ClusterPrograms, number: int) -> AsyncIterator[ConsoleClient]:
    user = TECHNICIANS[number % len(TECHNICIANS)]
    secret, minute = find_secret(user, data=programs.data()), timedelta(minutes=1)
    async with Connection(programs.address, user=user, secret=secret, timeout=minute) as connection:
        yield ConsoleClient(connection)


async def _kill(programs: ClusterPrograms, victim: str) -> Callable[[], Awaitable[object]]:
    """Kill it; return what brings it back. A server follows when it is back: its start costs the others nothing."""
    leads = await programs.next_leader()
    if victim == "node":
        nodes, leading = programs.nodes, await _leading_node(programs)
        nodes.kill(leading)
        return lambda: asyncio.to_thread(nodes.start, leading)
    name = leads if victim == "leader" else next(name for name in programs.names if name != leads)
    await programs.kill_server(name)
    return lambda: programs.start_server(name)


async def _leading_node(programs: ClusterPrograms) -> str:
    """Return the node that keeps the log; etcd's go by their addresses."""
    async with Connection.find(user="admin", data=programs.data()) as connection:
        state = await ClusterClient(connection).state()
    leading = next(node.name for node in state.nodes if node.role == "leader")
    nodes = programs.nodes
    return dict(zip(nodes.addresses, nodes.names, strict=True)).get(leading, leading)


async def _all_answered(desks: list[_Desk], since: float) -> None:
    async with asyncio.timeout(60):
        for desk in desks:
            await desk.answers(since)
