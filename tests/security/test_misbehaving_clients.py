"""Clients that do not keep to the contract harm nobody but themselves, and leave nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from rescue_client.channel import SignedInChannel
from rescue_common.processes.child import Program
from rescue_common.state_directory import Access
from rescue_protos.v1 import applet_pb2 as pb
from rescue_protos.v1 import applet_pb2_grpc, clock_pb2, clock_pb2_grpc, console_pb2, console_pb2_grpc
from tests.security.conftest import House, Refused, received


def heartbeat(number: int) -> pb.AttachRequest:
    return pb.AttachRequest(heartbeat=pb.Heartbeat(number=number))


def hello(joined: pb.RedeemPinResponse, instance: str, attempt: int = 1) -> pb.AttachRequest:
    greeting = pb.Hello(session=joined.session, ticket=joined.ticket, instance=instance, attempt=attempt)
    return pb.AttachRequest(hello=greeting)


async def answers_of(call: Any) -> AsyncIterator[pb.AttachResponse]:
    """What is left to read; gRPC allows no `async for` after a read."""
    while isinstance(answer := await call.read(), pb.AttachResponse):
        yield answer


async def joined_session(house: House) -> pb.RedeemPinResponse:
    return await house.redeem((await house.new_pin(await house.signed_in("alice"))).pin)


async def status_of(house: House, session: str) -> int:
    queue = await house.console.ListQueue(console_pb2.ListQueueRequest(), metadata=await house.signed_in("alice"))
    return next(entry.status for entry in queue.entries if entry.session == session)


@pytest.mark.parametrize(
    "first",
    [heartbeat(1), pb.AttachRequest(), pb.AttachRequest(report=pb.Report(request_id="r", goodbye=pb.Goodbye()))],
    ids=["heartbeat", "nothing", "report"],
)
async def test_nothing_is_heard_before_the_hello(house: House, refused: Refused, first: pb.AttachRequest) -> None:
    joined = await joined_session(house)
    call = house.applet.Attach()
    await call.write(first)
    async with refused("INVALID_ARGUMENT", "BAD_VALUE") as errors:
        await call.read()
    assert "hello" in errors[0].fields
    assert await status_of(house, joined.session) == 1  # Connecting: nobody has joined


@pytest.mark.parametrize("second", [hello(pb.RedeemPinResponse(), "i"), pb.AttachRequest()], ids=["hello", "nothing"])
async def test_what_is_not_to_be_said_ends_the_stream_but_not_the_session(
    house: House, refused: Refused, second: pb.AttachRequest
) -> None:
    joined = await joined_session(house)
    call = house.applet.Attach()
    await call.write(hello(joined, "i"))
    assert (await received(call)).HasField("attached")
    await call.write(second)
    async with refused("INVALID_ARGUMENT", "BAD_VALUE"):
        while await call.read() is not grpc.aio.EOF:
            pass
    assert await status_of(house, joined.session) == 2  # Waiting


async def test_of_two_applets_with_one_ticket_the_newer_wins_and_the_older_is_told(house: House) -> None:
    joined = await joined_session(house)
    older, newer = house.applet.Attach(), house.applet.Attach()
    await older.write(hello(joined, "older"))
    assert (await received(older)).HasField("attached")
    await newer.write(hello(joined, "newer"))
    assert (await received(newer)).HasField("attached")
    heard = [answer.WhichOneof("message") async for answer in answers_of(older)]
    assert heard[-1] == "superseded"
    assert (await older.code()) is grpc.StatusCode.OK
    await newer.write(heartbeat(1))
    while not (answer := await received(newer)).HasField("heartbeat_reply"):
        pass
    assert answer.heartbeat_reply.number == 1
    # A connection of the same applet that was held up on its way cannot displace its successor.
    fifth, fourth = house.applet.Attach(), house.applet.Attach()
    await fifth.write(hello(joined, "same", 5))
    assert (await received(fifth)).HasField("attached")
    await fourth.write(hello(joined, "same", 4))
    assert (await received(fourth)).HasField("superseded")
    fifth.cancel()
    newer.cancel()


async def test_a_flood_of_heartbeats_delays_nobody_else(house: House) -> None:
    joined = await joined_session(house)
    alice = await house.signed_in("alice")
    flooding = house.applet.Attach()
    await flooding.write(hello(joined, "flood"))
    assert (await received(flooding)).HasField("attached")
    heard = 0

    async def listen() -> None:
        nonlocal heard
        async for answer in answers_of(flooding):
            heard = max(heard, answer.heartbeat_reply.number)

    async def flood() -> None:
        for number in range(1, 6001):
            await flooding.write(heartbeat(number))

    listening, writing = asyncio.create_task(listen()), asyncio.create_task(flood())
    slowest, asked = 0.0, 0
    async with asyncio.timeout(60):
        while heard < 6000:
            began = time.monotonic()
            await house.console.ListQueue(console_pb2.ListQueueRequest(), metadata=alice, timeout=20)
            slowest, asked = max(slowest, time.monotonic() - began), asked + 1
            await asyncio.sleep(0.02)
    await writing
    assert asked >= 20  # it went on all the while
    assert slowest < 5
    flooding.cancel()
    listening.cancel()
    with contextlib.suppress(asyncio.CancelledError, grpc.RpcError):
        await listening


class Server:
    """A server as a process of its own, looked at from outside."""

    def __init__(self, program: Program, data: Path, address: str) -> None:
        self.program = program
        self.data = data
        self.address = address

    @property
    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.program.pid}/fd").iterdir()))

    @property
    def megabytes(self) -> float:
        return self._memory("VmRSS")

    @property
    def most_megabytes(self) -> float:
        return self._memory("VmHWM")

    def _memory(self, kind: str) -> float:
        status = Path(f"/proc/{self.program.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith(kind)).split()[1]) / 1024

    async def descriptors_are(self, wanted: Callable[[int], bool]) -> None:
        async with asyncio.timeout(60):
            while True:
                if wanted(self.descriptors):
                    return
                await asyncio.sleep(0.05)

    @contextlib.asynccontextmanager
    async def channel(self) -> AsyncIterator[grpc.aio.Channel]:
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(self.address, options=options) as channel:
            yield channel


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    arguments = ("--data", str(tmp_path / "state"), "--json")
    program = await Program.start("server", "rescue_server", *arguments)
    try:
        address = str((await program.event("ready", timeout=30))["server"])
        yield Server(program, tmp_path / "state", address)
        assert await program.stop() == 0
        assert [line for line in program._log if "Traceback" in line or "failed" in line] == []
    finally:
        await program.kill()


async def open_and_abandon(server: Server, streams: int, connections: int) -> int:
    """Open streams of every kind that is open to this caller, say nothing or little, and go; return how many opened."""
    opened = 0
    for number in range(connections):
        async with server.channel() as channel:
            secret = Access.read(server.data).secrets["alice"]
            metadata = await SignedInChannel(channel, user="alice", secret=secret).metadata()
            applet = applet_pb2_grpc.AppletServiceStub(channel)
            attaches = [applet.Attach() for _ in range(streams)]
            await asyncio.gather(*(call.wait_for_connection() for call in attaches))
            console = console_pb2_grpc.ConsoleServiceStub(channel)
            watches = [
                console.WatchQueue(console_pb2.WatchQueueRequest(console=f"{number}.{n}"), metadata=metadata)
                for n in range(8)
            ]
            firsts = await asyncio.gather(*(watch.read() for watch in watches), return_exceptions=True)
            opened += streams + sum(isinstance(first, console_pb2.WatchQueueResponse) for first in firsts)
            if number % 2:
                for call in (*attaches, *watches):
                    call.cancel()
            # Else the connection simply goes away under them.
    return opened


@pytest.mark.parametrize("size", [1, 100])
async def test_what_is_compressed_is_refused_and_never_unpacked(server: Server, refused: Refused, size: int) -> None:
    """A hundred zeros, or a hundred megabytes of them that are a hundred kilobytes on the wire."""
    before = server.most_megabytes
    zeros = bytes(100) if size == 1 else bytes(size << 20)
    async with server.channel() as channel:
        gzip = grpc.Compression.Gzip
        for method in ("AccessService/SignIn", "AppletService/RedeemPin", "AppletService/Attach"):
            # On the wire a stream of one request looks the same.
            call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/rescue_protos.v1.{method}")
            async with refused("UNIMPLEMENTED"):
                await call(zeros, compression=gzip)
    assert server.most_megabytes - before < 32


async def test_streams_opened_and_abandoned_by_the_thousand_leave_nothing(server: Server) -> None:
    await open_and_abandon(server, streams=50, connections=2)  # what is made once and kept is made now
    before, memory = server.descriptors, server.megabytes
    opened = await open_and_abandon(server, streams=130, connections=8)
    assert opened >= 1040
    await server.descriptors_are(lambda number: number <= before)
    middle = server.megabytes
    assert await open_and_abandon(server, streams=130, connections=8) >= 1040
    await server.descriptors_are(lambda number: number <= before)
    after = server.megabytes
    print(f"{2 * opened} streams: descriptors {before}, after {server.descriptors};", end=" ")
    print(f"memory {memory:.0f} MB, {middle:.0f} MB, {after:.0f} MB")
    assert after < memory + 60
    assert after < middle + 25  # what a first crowd needs is used again by the next one
    async with server.channel() as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=20)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_connections_that_never_speak_http_leave_no_descriptor(server: Server) -> None:
    async with server.channel() as channel:
        await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=20)
    before = server.descriptors
    host, _, port = server.address.rpartition(":")
    crowd = []
    for number in range(200):
        connection = socket.create_connection((host, int(port)), timeout=20)
        crowd.append(connection)
        if number % 2:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" if number % 4 == 1 else b"\xff" * 5000)
    await server.descriptors_are(lambda number: number >= before + 50)
    for connection in crowd:
        connection.close()
    await server.descriptors_are(lambda number: number <= before)


async def test_refused_requests_of_the_largest_size_are_not_kept(server: Server) -> None:
    """Found: a refusal is remembered for a retry, and with it was the request, as long as it may be."""
    async with server.channel() as channel:
        stub = applet_pb2_grpc.AppletServiceStub(channel)

        async def flood(kind: str, number: int) -> None:
            for each in range(number):
                start = pb.StartThroughChannelRequest(request_id=f"{kind} {each}", channel="x" * 200_000)
                with contextlib.suppress(grpc.RpcError):
                    await stub.StartThroughChannel(start, timeout=20)

        await flood("to begin with", 20)
        before = server.megabytes
        await flood("then", 400)
        grown = server.megabytes - before
    print(f"400 refused requests of 200 kB: {grown:.0f} MB more")
    assert grown < 40


async def test_clock_barriers_that_nobody_releases_hold_up_an_advance_once(house: House) -> None:
    """64 of them for two seconds each would be more than two minutes."""
    joined = await joined_session(house)
    metadata = (("rescue-session", joined.session), ("rescue-ticket", joined.ticket))
    stub = clock_pb2_grpc.ClockServiceStub(house.channel)
    call = stub.WatchClock(metadata=metadata)
    for number in range(1, 65):
        barrier = clock_pb2.ClockBarrier(number=number)
        barrier.after.FromMilliseconds(500 * number)
        await call.write(clock_pb2.WatchClockRequest(barrier=barrier))
    confirmed = 0
    while confirmed < 64:
        confirmed = max(confirmed, (await received(call)).confirmed)
    request = clock_pb2.AdvanceClockRequest()
    request.by.FromSeconds(60)
    await stub.AdvanceClock(request, metadata=await house.signed_in("admin"), timeout=30)


async def test_who_follows_the_clock_and_never_reads_is_not_listened_to(house: House) -> None:
    """Found: what it was to be told was kept for it without end."""
    joined = await joined_session(house)
    metadata = (("rescue-session", joined.session), ("rescue-ticket", joined.ticket))
    call = clock_pb2_grpc.ClockServiceStub(house.channel).WatchClock(metadata=metadata)
    written = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(3):
            for number in range(1, 300_000):
                barrier = clock_pb2.ClockBarrier(number=number)
                await call.write(clock_pb2.WatchClockRequest(barrier=barrier))
                release = clock_pb2.ClockBarrierRelease(number=number)
                await call.write(clock_pb2.WatchClockRequest(release=release))
                written += 1
    call.cancel()
    assert written
    # The server lives, and others follow the clock.
    again = clock_pb2_grpc.ClockServiceStub(house.channel).WatchClock(metadata=metadata)
    assert isinstance(await again.read(), clock_pb2.WatchClockResponse)
    again.cancel()
