"""A scripted server that speaks the contract, over real gRPC; and the customer's computer as a real process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import duration_pb2, timestamp_pb2

from rescue_common.state_directory import Access
from rescue_protos.errors import NotFound
from rescue_protos.v1 import applet_pb2 as pb
from rescue_protos.v1 import applet_pb2_grpc, clock_pb2, clock_pb2_grpc
from tests.fakes.scripted_server import ScriptedServer, unimplemented

EPOCH = 1_800_000_000 * 10**9
SECOND = 10**9
PATIENCE = 10.0

Event = dict[str, Any]


class Peer(ScriptedServer, applet_pb2_grpc.AppletServiceServicer, clock_pb2_grpc.ClockServiceServicer):
    """A server with one session, one PIN and a clock under the test's hand, that writes down what it hears."""

    def __init__(self, *, terms: str = "", data: Path) -> None:
        super().__init__()
        self.terms = terms
        self.data = data
        self.ended: Any = ""  # the name of a reason, which protobuf takes for the number
        self.answers_heartbeats = True
        self.asked: list[str] = []
        self.hellos: list[pb.Hello] = []
        self.heartbeats: list[pb.Heartbeat] = []
        self.reports: dict[str, pb.Report] = {}
        self.said: list[str] = []
        self.epoch = self.now = EPOCH
        self.speed = 1.0
        self.paused = False
        self.barriers: dict[int, int] = {}
        self.clock_tickets: list[str] = []
        self.cable_reports: list[bool] = []
        self._attached: asyncio.Queue[pb.AttachResponse] | None = None
        self._watchers: set[asyncio.Queue[clock_pb2.WatchClockResponse]] = set()

    # Its life.

    async def start(self) -> None:
        await super().start()
        Access(server=self.address).write(self.data)

    def register(self, server: grpc.aio.Server) -> None:
        applet_pb2_grpc.add_AppletServiceServicer_to_server(self, server)
        clock_pb2_grpc.add_ClockServiceServicer_to_server(self, server)

    # What the test makes it do.

    def send(self, **message: Any) -> None:
        assert self._attached is not None
        self._attached.put_nowait(pb.AttachResponse(**message))

    def advance(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)
        for watcher in self._watchers:
            watcher.put_nowait(clock_pb2.WatchClockResponse(clock=self.reading()))

    def set_clock(self, *, speed: float = 1.0, paused: bool = False) -> None:
        self.speed, self.paused = speed, paused
        self.advance(0)

    def reading(self) -> clock_pb2.ClockReading:
        now = timestamp_pb2.Timestamp()
        now.FromNanoseconds(self.now)
        return clock_pb2.ClockReading(now=now, speed=self.speed, standing=self.paused, paused=self.paused)

    async def until(self, condition: Callable[[], bool], *, within: float = PATIENCE) -> None:
        """Wait for something to be heard (real seconds)."""
        end = time.monotonic() + within
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            await asyncio.sleep(0.01)

    # The contract.

    GetClock = AdvanceClock = SetClockSpeed = PauseClock = unimplemented

    async def RedeemPin(
        self, request: pb.RedeemPinRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.RedeemPinResponse:
        self.asked.append(f"{request.pin} {request.customer}")
        if request.pin != "123456":
            await self.refuse(context, NotFound("there is no such PIN", reason="PIN_UNKNOWN"))
        return pb.RedeemPinResponse(session="s1", ticket="t1")

    async def StartThroughChannel(
        self, request: pb.StartThroughChannelRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.StartThroughChannelResponse:
        self.asked.append(f"{request.channel} {request.customer}")
        return pb.StartThroughChannelResponse(session="s1", ticket="t1")

    async def Attach(
        self,
        requests: AsyncIterator[pb.AttachRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[pb.AttachResponse]:
        hello = (await anext(aiter(requests))).hello
        self.hellos.append(hello)
        if hello.ticket != "t1":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "a forged ticket")
        if self.ended:
            yield pb.AttachResponse(ended=pb.Ended(reason=self.ended))
            return
        mine: asyncio.Queue[pb.AttachResponse] = asyncio.Queue()
        self._attached = mine
        interval = duration_pb2.Duration(seconds=10)
        terms = pb.Attached(heartbeat_interval=interval, terms_pending=bool(self.terms), terms=self.terms)
        yield pb.AttachResponse(attached=terms)
        hearing = asyncio.create_task(self._hear(requests, mine))
        try:
            while True:
                response = await mine.get()
                yield response
                if response.WhichOneof("message") in ("ended", "superseded"):
                    return
        finally:
            hearing.cancel()

    async def _hear(self, requests: AsyncIterator[pb.AttachRequest], answers: asyncio.Queue[pb.AttachResponse]) -> None:
        async for request in requests:
            if request.WhichOneof("message") == "heartbeat":
                self.heartbeats.append(request.heartbeat)
                if self.answers_heartbeats:
                    number = request.heartbeat.number
                    answers.put_nowait(pb.AttachResponse(heartbeat_reply=pb.HeartbeatReply(number=number)))
                continue
            report = request.report
            if report.request_id not in self.reports:
                self.reports[report.request_id] = report
                self.said.append(report.WhichOneof("what") or "")
            if report.WhichOneof("what") == "terms":
                self.terms = ""
            answers.put_nowait(pb.AttachResponse(receipt=pb.Receipt(request_id=report.request_id)))

    async def WatchClock(
        self,
        requests: AsyncIterator[clock_pb2.WatchClockRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[clock_pb2.WatchClockResponse]:
        metadata: dict[str, Any] = dict(context.invocation_metadata() or ())
        self.clock_tickets.append(f"{metadata['rescue-session']} {metadata['rescue-ticket']}")
        mine: asyncio.Queue[clock_pb2.WatchClockResponse] = asyncio.Queue()
        self._watchers.add(mine)
        hearing = asyncio.create_task(self._set_barriers(requests, mine))
        try:
            yield clock_pb2.WatchClockResponse(clock=self.reading())
            while True:
                try:
                    yield await asyncio.wait_for(mine.get(), 0.5)
                except TimeoutError:
                    self.now += 0 if self.paused else int(0.5 * self.speed * SECOND)
                    yield clock_pb2.WatchClockResponse(clock=self.reading())
        finally:
            self._watchers.discard(mine)
            hearing.cancel()

    async def _set_barriers(
        self,
        requests: AsyncIterator[clock_pb2.WatchClockRequest],
        answers: asyncio.Queue[clock_pb2.WatchClockResponse],
    ) -> None:
        async for request in requests:
            if request.WhichOneof("message") == "cable":
                self.cable_reports.append(request.cable.carries)
                continue
            if request.WhichOneof("message") == "release":
                del self.barriers[request.release.number]
                continue
            number = request.barrier.number
            self.barriers[number] = self.now + request.barrier.after.ToNanoseconds()
            due = timestamp_pb2.Timestamp()
            due.FromNanoseconds(self.barriers[number])
            noted = clock_pb2.WatchClockResponse(clock=self.reading(), confirmed=number, due_at=due)
            answers.put_nowait(noted)


class Customer:
    """A `rescue applet --json` process: what is typed into it and what it prints."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[Event] = []
        self._seen = 0
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.events.append(json.loads(line))

    def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")

    async def sees(self, within: float = PATIENCE, **wanted: Any) -> Event:
        """Return the next event that has these fields (`sender` is "from"); those before it are passed over."""
        if "sender" in wanted:
            wanted["from"] = wanted.pop("sender")
        end = time.monotonic() + within
        while True:
            while self._seen < len(self.events):
                event = self.events[self._seen]
                self._seen += 1
                if wanted.items() <= event.items():
                    return event
            assert time.monotonic() < end, f"no {wanted} among {self.events}"
            assert self.process.returncode is None or not self._reading.done(), f"gone without {wanted}: {self.events}"
            await asyncio.sleep(0.01)

    @asynccontextmanager
    async def lan_off(self) -> AsyncIterator[None]:
        """The cable does not carry within the block."""
        self.type("lan off")
        await self.sees(event="cable", state="off")
        yield
        self.type("lan on")
        await self.sees(event="cable", state="on")

    @staticmethod
    def has_process(pid: int) -> bool:
        """Whether a process of that id still runs."""
        try:
            return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
        except FileNotFoundError:
            return False

    async def exit(self) -> int:
        status = await asyncio.wait_for(self.process.wait(), PATIENCE)
        await self._reading
        return status

    async def joined(self) -> int:
        """Return the applet's pid once the session is joined."""
        pid: int = (await self.sees(event="applet"))["pid"]
        await self.sees(event="joined", session="s1")
        return pid

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        await self._reading


Start = Callable[..., Awaitable[Customer]]


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[Peer]:
    peer = Peer(data=tmp_path)
    await peer.start()
    yield peer
    await peer.stop()


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    customers: list[Customer] = []

    async def start(*options: str) -> Customer:
        customer = Customer(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "rescue_applet", "--json", "--data", str(tmp_path), *options),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={name: value for name, value in os.environ.items() if not name.startswith("RESCUE_")},
            )
        )
        customers.append(customer)
        return customer

    yield start
    for customer in customers:
        await customer.stop()
