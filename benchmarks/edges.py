"""Servers of a cluster that follow: what applets cost there and at the leader, and 100,000 of them at the leader.

Everything shares this machine, so what is compared is CPU time, and what two servers on a core each serve.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import grpc

from benchmarks import cases
from benchmarks.clusters import started, token_of
from benchmarks.programs import Generating, Line, Load, Server, generating
from benchmarks.takeover import fill
from rescue_emulator.world.engine_nodes import NatsNodes
from rescue_protos.v1 import applet_pb2, cluster_pb2, cluster_pb2_grpc, console_pb2, console_pb2_grpc
from rescue_server.cluster.link_service import FOLLOWER
from rescue_server.cluster.proofs import make_key, new_nonce, prove, read_key

T = TypeVar("T")
FIRST_SESSION = 1001
TICKET = "of nobody"  # of every session of the store
UNLIMITED = ("--limit", "applet-messages-per-second=1000000", "--limit", "attachments-per-peer=1000000")
BATCH = 0.25  # real seconds
EDGES = {"one": 1, "ours": 2}
CALLERS = 8  # more than one: a leader that shares its cores with full servers answers late
HEARTBEAT = 3.0  # real seconds between two of one applet


@dataclass(frozen=True, slots=True)
class Cluster:
    """The server that leads, and those that follow."""

    leader: Server
    edges: list[Server]
    key: bytes


@contextlib.contextmanager
def cluster(*, edges: int, sessions: int) -> Iterator[Cluster]:
    """Run a cluster of one node with so many waiting sessions; the first two edges have a core each."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        fill(directory / "backup", sessions)
        nodes = stack.enter_context(NatsNodes(directory / "nodes", 1))
        key = directory / "key"
        make_key(key)
        options = ["--cluster", nodes.url(), "--cluster-key", str(key), *UNLIMITED]
        restored = ["--restore", str(directory / "backup"), "--paused"]
        leader = stack.enter_context(started(directory / "s1", *options, "--name", "s1", *restored, core=None))
        followers = [
            stack.enter_context(started(directory / name, *options, "--name", name, core=core))
            for core, name in enumerate(f"s{number + 2}" for number in range(edges))
        ]
        yield Cluster(leader, followers, read_key(key))


def heartbeats(kind: str, *, applets: int, rate: float) -> cases.Figures:
    """Applets at a server that follows: what a heartbeat costs there, and what it costs the leader."""
    with cluster(edges=1, sessions=applets) as subject:
        (edge,), leader = subject.edges, subject.leader
        with generating(edge, "streams", lines(0, applets), rate=rate, warm=2, seconds=6) as load:
            load.until("measuring")
            before, began = leader.cpu(), time.monotonic()
            load.until("measured")
            at_leader, took = leader.cpu() - before, time.monotonic() - began
            found = load.figures()
        idle = _idle(leader, took)
    at_edge = found.cpu / found.sent
    return {
        "us of CPU to attach there": found.attach_cpu / applets * cases.MICRO,
        "us of CPU there": at_edge * cases.MICRO,
        "us of CPU at the leader": at_leader / found.sent * cases.MICRO,
        "  of that, idle": idle / found.sent * cases.MICRO,
        "times less at the leader": 0 - at_edge / (at_leader / found.sent),  # more is better
        "p99 ms": found.p99_ms,
    }


def throughput(kind: str, *, applets: int, rate: float) -> cases.Figures:
    """More heartbeats than the servers can answer, one or two of them: how many they do answer. All is of each."""
    with cluster(edges=EDGES[kind], sessions=applets * EDGES[kind]) as subject:
        parts = [lines(number * applets, applets) for number in range(EDGES[kind])]
        with _loaded(subject.edges, parts, rate=rate) as loads:
            return _served("answers", _of_all(loads, Generating.figures))


def deliveries(kind: str, *, consoles: int, rate: float) -> cases.Figures:
    """Consoles of one technician at each server, whose queue changes all the time: how many updates they get.

    No server is ever full: the later it is, the more updates one message holds.
    """
    with cluster(edges=EDGES[kind], sessions=1) as subject:
        token = token_of(subject.leader)
        watching = [cases.watch(token, number) for number in range(consoles)]
        with _loaded(subject.edges, [watching] * EDGES[kind]) as loads:
            _of_all(loads, lambda load: load.until("attached"))
            with _changing(subject.leader, token, rate, []):
                _of_all(loads, lambda load: load.until("measured"))
            return _served("deliveries", _of_all(loads, Generating.figures))


@contextlib.contextmanager
def _loaded(edges: list[Server], parts: list[list[Line]], *, rate: float = 0) -> Iterator[list[Generating]]:
    """Make load for each of the servers, each time on the core of the server itself.

    So one server gets as much of a core as each of two does, and what two serve compares with what one serves.
    """
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(generating(edge, "streams", part, rate=rate, warm=2, seconds=6, core=core))
            for core, (edge, part) in enumerate(zip(edges, parts, strict=True))
        ]


def _of_all(loads: list[Generating], read: Callable[[Generating], T]) -> list[T]:
    """Read from all at once: the CPU of a server is looked at when its load says so."""
    with ThreadPoolExecutor(len(loads)) as threads:
        return list(threads.map(read, loads))


def _served(what: str, found: list[Load]) -> cases.Figures:
    return {
        f"{what} a second": 0 - sum(load.answers / load.seconds for load in found),  # more is better
        "us of CPU for each": sum(load.cpu for load in found) / sum(load.answers for load in found) * cases.MICRO,
    }


def events(kind: str, *, rate: float, seconds: float = 5) -> cases.Figures:
    """What an event costs a server that follows and serves nobody, and the command that made it costs the leader."""
    with cluster(edges=1, sessions=1) as subject:
        servers, made = [*subject.edges, subject.leader], list[int]()
        with _changing(subject.leader, token_of(subject.leader), rate, made):
            time.sleep(1)
            before, first = [server.cpu() for server in servers], len(made)
            time.sleep(seconds)
            used = [server.cpu() - spent for server, spent in zip(servers, before, strict=True)]
            count = len(made) - first
        there, at_leader = (spent - _idle(server, seconds) for server, spent in zip(servers, used, strict=True))
    return {
        "us of CPU there": there / count * cases.MICRO,
        "us of CPU at the leader": at_leader / count * cases.MICRO,
        "events a second": 0 - count / seconds,  # more is better
    }


@contextlib.contextmanager
def _changing(leader: Server, token: str, rate: float, made: list[int]) -> Iterator[None]:
    """Create PINs at the leader, so many a second, for the length of the block, and note each."""
    metadata = (("authorization", f"Bearer {token}"),)
    with grpc.insecure_channel(leader.address) as channel:
        console = console_pb2_grpc.ConsoleServiceStub(channel)

        def create(number: int) -> None:
            request = console_pb2.CreatePinRequest(request_id=f"pin-{number}")
            console.CreatePin(request, metadata=metadata, timeout=60)
            made.append(number)

        with cases.acting(create, rate, callers=CALLERS):
            yield


def lines(first: int, count: int) -> list[Line]:
    """Return a stream for the applet of each session."""
    return [cases.attach(str(FIRST_SESSION + number), TICKET) for number in range(first, first + count)]


def _idle(server: Server, seconds: float) -> float:
    """Return the CPU that a server uses in this time when nobody beats."""
    time.sleep(1)
    before = server.cpu()
    time.sleep(seconds)
    return server.cpu() - before


# Many applets at the leader, by batches as servers that follow send them


def simulation(kind: str, *, applets: int, edges: int, seconds: float = 10) -> cases.Figures:
    """Announce applets to the real leader as so many servers would, then their heartbeats, while one console works."""
    with cluster(edges=0, sessions=applets) as subject:
        return asyncio.run(_simulate(subject, applets, edges, seconds))


async def _simulate(subject: Cluster, applets: int, edges: int, seconds: float) -> cases.Figures:
    leader, share = subject.leader, applets // edges
    memory, began, cpu = leader.memory(), time.monotonic(), leader.cpu()
    async with contextlib.AsyncExitStack() as stack:
        simulated = [await stack.enter_async_context(_edge(subject, number, share)) for number in range(edges)]
        await asyncio.gather(*(edge.all_attached.wait() for edge in simulated))
        attached, attach_cpu = time.monotonic() - began, leader.cpu() - cpu
        held = leader.memory() - memory
        waits: list[float] = []
        console = asyncio.create_task(_work(subject, waits))
        await asyncio.sleep(1)  # it signs in
        without, quiet = await _during(leader, waits, asyncio.sleep(seconds))
        until = time.monotonic() + seconds
        beating = asyncio.gather(*(edge.beat(until=until) for edge in simulated))
        used, busy = await _during(leader, waits, beating)
        console.cancel()
    beats = sum(edge.beats for edge in simulated)
    return {
        "s to announce all": attached,
        "us of CPU to announce one": attach_cpu / applets * cases.MICRO,
        "KB an applet": held / 1024 / applets,
        "heartbeats a second": 0 - beats / seconds,  # more is better
        "us of CPU a heartbeat": (used - without) / beats * cases.MICRO,
        "% of a core for all of them": (used - without) / seconds * 100,
        "p99 ms of a command": busy,
        "  without heartbeats": quiet,
    }


async def _during(leader: Server, waits: list[float], work: Awaitable[object]) -> tuple[float, float]:
    """Return the CPU that the leader uses meanwhile, and the 99th percentile of a command in milliseconds."""
    waits.clear()
    cpu = leader.cpu()
    await work
    used = leader.cpu() - cpu
    return used, sorted(waits)[int(len(waits) * 0.99)] * 1000


@dataclass(slots=True, kw_only=True)
class _SimulatedEdge:
    share: int
    first: int
    outbox: asyncio.Queue[cluster_pb2.LinkRequest]
    all_attached: asyncio.Event
    attached: int = 0
    beats: int = 0

    def announce(self) -> None:
        for number in range(1, self.share + 1):
            hello = applet_pb2.Hello(session=str(self.first + number - 1), ticket=TICKET, instance="i", attempt=1)
            opened = cluster_pb2.AppletOpened(hello=hello, peer="ipv4:127.0.0.1:1")
            self.outbox.put_nowait(
                cluster_pb2.LinkRequest(applet=cluster_pb2.AppletFrame(number=number, opened=opened))
            )

    def take(self, response: cluster_pb2.LinkResponse) -> None:
        if response.HasField("applet") and response.applet.sent.HasField("attached"):
            self.attached += 1
            if self.attached == self.share:
                self.all_attached.set()

    async def beat(self, *, until: float) -> None:
        """Send the heartbeats of a quarter of a second at a time: each applet has its turn in three seconds."""
        number, due, each = 0, time.monotonic(), round(self.share * BATCH / HEARTBEAT)
        while due < until:
            numbers = [(number + offset) % self.share + 1 for offset in range(each)]
            number = (number + each) % self.share
            batch = cluster_pb2.HeartbeatBatch(numbers=numbers)
            self.outbox.put_nowait(cluster_pb2.LinkRequest(heartbeats=batch))
            self.beats += each
            due += BATCH
            await asyncio.sleep(max(0.0, due - time.monotonic()))


@contextlib.asynccontextmanager
async def _edge(subject: Cluster, number: int, share: int) -> AsyncIterator[_SimulatedEdge]:
    edge = _SimulatedEdge(
        share=share, first=FIRST_SESSION + number * share, outbox=asyncio.Queue(), all_attached=asyncio.Event()
    )
    name, nonce, proved = f"edge{number}", new_nonce(), asyncio.get_running_loop().create_future()
    me = (name, f"127.0.0.1:{number + 1}", name)

    async def requests() -> AsyncIterator[cluster_pb2.LinkRequest]:
        greeting = cluster_pb2.LinkGreeting(server=me[0], address=me[1], instance=me[2], nonce=nonce)
        yield cluster_pb2.LinkRequest(greeting=greeting)
        proof = prove(subject.key, FOLLOWER, await proved, *me)
        yield cluster_pb2.LinkRequest(proof=cluster_pb2.LinkProof(proof=proof))
        edge.announce()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    yield await edge.outbox.get()
                    continue
            yield cluster_pb2.LinkRequest(report=cluster_pb2.LinkReport(position=1))

    async def responses(
        call: grpc.aio.StreamStreamCall[cluster_pb2.LinkRequest, cluster_pb2.LinkResponse],
    ) -> None:
        async for response in call:
            if response.HasField("proof"):
                proved.set_result(response.proof.nonce)
            edge.take(response)

    async with grpc.aio.insecure_channel(subject.leader.address) as channel:
        call = cluster_pb2_grpc.ClusterServiceStub(channel).Link(requests())
        reading = asyncio.create_task(responses(call))
        try:
            yield edge
        finally:
            reading.cancel()
            call.cancel()


async def _work(subject: Cluster, waits: list[float]) -> None:
    metadata = (("authorization", f"Bearer {token_of(subject.leader)}"),)
    async with grpc.aio.insecure_channel(subject.leader.address) as channel:
        stub = console_pb2_grpc.ConsoleServiceStub(channel)
        for number in range(1_000_000):
            began = time.monotonic()
            await stub.CreatePin(console_pb2.CreatePinRequest(request_id=f"pin-{number}"), metadata=metadata)
            waits.append(time.monotonic() - began)
            await asyncio.sleep(0.02)
