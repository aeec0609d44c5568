"""The applets that are attached to this server while another one leads.

This server answers their heartbeats itself, and reports them to the leader in batches. Everything else it passes on,
both ways. When the leader is gone the applets stay attached; the next leader is told of each of them.
"""

from __future__ import annotations

import asyncio
import itertools
import time

import grpc
from google.protobuf.message import Message

from rescue_protos.error_details import DETAILS_KEY, from_rpc_error, to_status
from rescue_protos.errors import InvalidArgument, RescueError
from rescue_protos.v1 import applet_pb2 as pb
from rescue_protos.v1 import cluster_pb2
from rescue_server.cluster.standing import MemberStanding
from rescue_server.cluster.uplink import Uplink
from rescue_server.rpc.applet_service import read_hello
from rescue_server.rpc.applet_stream import AppletStream
from rescue_server.rpc.call_context import CallContext
from rescue_server.rpc.sources import peer_of, source_of
from rescue_server.runtime import applet_orders as orders
from rescue_server.runtime.attachments import AppletConnection
from rescue_server.runtime.limits import Limits, Pace, Slots

BATCH = 0.25  # real seconds between two batches of heartbeats
_AT_ONCE = 0.005  # real seconds: an answered probe must not wait, and thousands may be answered together
_PORTION = 5_000  # applets in one message
_LARGEST = 128 * 1024  # bytes of an applet's message: the leader takes twice as much, and one too large ends the link


class HeldApplet:
    """One applet's attachment. `unanswered` are its reports without a receipt."""

    __slots__ = ("announced", "connection", "hello", "number", "peer", "unanswered")

    def __init__(self, number: int, hello: pb.Hello, peer: str) -> None:
        self.number = number
        self.hello = hello
        self.peer = peer
        self.announced = False
        self.connection = AppletConnection(session=hello.session, instance=hello.instance, attempt=hello.attempt)
        self.unanswered: dict[str, pb.AttachRequest] | None = None  # most applets never report


class EdgeApplets:
    """Those of one server."""

    def __init__(self, standing: MemberStanding, uplink: Uplink, limits: Limits) -> None:
        self._standing = standing
        self._uplink = uplink
        self._limits = limits
        self._held: dict[int, HeldApplet] = {}
        self._numbers = itertools.count(1)
        self._unproven = Slots()
        self._beats: dict[int, bool] = {}  # whether it answers a probe, by number
        self._chats: dict[int, int] = {}
        self._flush_at: asyncio.TimerHandle | None = None
        uplink.on_open(self._announce_all)
        uplink.on("applet", self._received)

    def __len__(self) -> int:
        return len(self._held)

    def drain(self) -> None:
        """End every attachment: the server shuts down, or clients are to go elsewhere."""
        for held in self._held.values():
            held.connection.send(orders.ServerLeaves())

    async def attach(self, context: CallContext) -> None:
        """Serve the stream of one applet."""
        try:
            await self._hold(context)
        except RescueError as error:
            await context.abort(*to_status(error))

    async def _hold(self, context: CallContext) -> None:
        peer = peer_of(context)
        most = self._limits.unproven_attachments_per_peer
        with self._unproven.taken(source_of(peer), most, "attachments that have not said hello"):
            hello = await read_hello(context)
        _require_small("hello", hello)
        held = HeldApplet(next(self._numbers), hello, peer)
        self._held[held.number] = held
        try:
            self._announce(held)
            stream = AppletStream(held.connection, context, _response)
            await stream.run(self._read(held, context, stream))
        finally:
            del self._held[held.number]
            self._beats.pop(held.number, None)
            self._chats.pop(held.number, None)
            self._send(cluster_pb2.AppletFrame(number=held.number, gone=cluster_pb2.AppletGone()))

    async def _read(self, held: HeldApplet, context: CallContext, stream: AppletStream) -> None:
        pace = Pace(self._limits.applet_messages_per_second, time.monotonic())
        while (request := await context.read()) is not grpc.aio.EOF:
            if (wait := pace.wait(time.monotonic())) > 0:
                await asyncio.sleep(wait)  # gRPC's flow control then holds up the sender
            if request.WhichOneof("message") != "heartbeat" or self._standing.has_fault_rules:
                _require_small("message", request)
                self._pass_on(held, request)
            else:
                self._beat(held, request.heartbeat)
                await stream.answer(orders.HeartbeatAnswered(request.heartbeat.number))

    def _pass_on(self, held: HeldApplet, request: pb.AttachRequest) -> None:
        """Send a message to the leader; keep a report until there is its receipt, for the next leader."""
        if request.HasField("report"):
            held.unanswered = {**(held.unanswered or {}), request.report.request_id: request}
        self._send(cluster_pb2.AppletFrame(number=held.number, sent=request))

    def _beat(self, held: HeldApplet, heartbeat: pb.Heartbeat) -> None:
        number, answers = held.number, bool(heartbeat.probe)
        self._beats[number] = answers or self._beats.get(number, False)
        if heartbeat.chat_after > held.hello.chat_after:
            held.hello.chat_after = self._chats[number] = heartbeat.chat_after
        self._flush_within(_AT_ONCE if answers else BATCH)

    def _flush_within(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._flush_at is not None:
            if self._flush_at.when() <= loop.time() + seconds:
                return
            self._flush_at.cancel()
        self._flush_at = loop.call_later(seconds, self._flush)

    def _flush(self) -> None:
        self._flush_at = None
        numbers, beats, chats = list(self._beats), self._beats, self._chats
        self._beats, self._chats = {}, {}
        for start in range(0, len(numbers), _PORTION):
            portion = numbers[start : start + _PORTION]
            batch = cluster_pb2.HeartbeatBatch(
                numbers=[number for number in portion if not beats[number]],
                answered=[number for number in portion if beats[number]],
                chats=[
                    cluster_pb2.ChatConfirmed(number=number, after=chats[number])
                    for number in portion
                    if number in chats
                ],
            )
            # Without a leader they are worth nothing: the next one begins all leases anew.
            self._uplink.send(cluster_pb2.LinkRequest(heartbeats=batch))

    def _send(self, frame: cluster_pb2.AppletFrame) -> bool:
        return self._uplink.send(cluster_pb2.LinkRequest(applet=frame))

    def _announce_all(self) -> None:
        for held in self._held.values():
            self._announce(held)

    def _announce(self, held: HeldApplet) -> None:
        opened = cluster_pb2.AppletOpened(hello=held.hello, peer=held.peer)
        if self._send(cluster_pb2.AppletFrame(number=held.number, opened=opened)):
            for report in (held.unanswered or {}).values():
                self._send(cluster_pb2.AppletFrame(number=held.number, sent=report))

    def _received(self, message: cluster_pb2.LinkResponse) -> None:
        order = message.applet
        if (held := self._held.get(order.number)) is None:
            return
        if order.HasField("ended"):
            held.connection.send(_end(order.ended))
            return
        sent = order.sent
        if sent.HasField("receipt") and held.unanswered:
            held.unanswered.pop(sent.receipt.request_id, None)
        if sent.HasField("attached"):
            held.hello.history = sent.attached.history  # what the applet confirms from now on is of this one
            if held.announced:  # to another leader: the applet knows that it is attached
                sent = pb.AttachResponse(view=sent.attached.view)
            held.announced = True
        held.connection.send(orders.Relayed(sent))


def _require_small(field: str, message: Message) -> None:
    if (length := message.ByteSize()) > _LARGEST:
        wrong = "at most {limit} characters, not {length}"
        raise InvalidArgument.of(field, wrong, limit=str(_LARGEST), length=str(length))


def _response(order: orders.Order) -> pb.AttachResponse:
    match order:
        case orders.HeartbeatAnswered(number):
            return pb.AttachResponse(heartbeat_reply=pb.HeartbeatReply(number=number))
        case orders.Relayed(pb.AttachResponse() as message):
            return message
        case _:
            raise AssertionError(f"{order} is no message of this server")


def _end(ended: cluster_pb2.AppletEnded) -> orders.Order:
    if not ended.code:
        return orders.GivenUp()
    trailing = grpc.aio.Metadata((DETAILS_KEY, ended.details))
    error = grpc.aio.AioRpcError(grpc.StatusCode[ended.code], grpc.aio.Metadata(), trailing, ended.message)
    return orders.StreamFails(from_rpc_error(error))
