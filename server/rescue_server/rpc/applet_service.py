"""The customer's side of the contract: joining, and one stream per applet for as long as it lives."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any

import grpc

from rescue_common.allowance import Allowance, Allowances
from rescue_protos.errors import STORAGE_ERRORS, InvalidArgument, RescueError
from rescue_protos.v1 import applet_pb2 as pb
from rescue_protos.v1 import applet_pb2_grpc
from rescue_server.core import customer_side
from rescue_server.core.events import AppletComputer
from rescue_server.core.session import Session
from rescue_server.faults.injector import FaultInjector
from rescue_server.faults.rules import LostMessage
from rescue_server.rpc import translate
from rescue_server.rpc.applet_stream import AppletStream
from rescue_server.rpc.call_context import CallContext
from rescue_server.rpc.sources import address_of, peer_of, source_of
from rescue_server.runtime import applet_orders as orders
from rescue_server.runtime import attachments, command_handlers
from rescue_server.runtime.allowance import THIS_MACHINE
from rescue_server.runtime.applet_orders import view_of
from rescue_server.runtime.credentials import derive_ticket, hash_ticket
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.limits import LIMITS, Limits, Pace, Slots
from rescue_server.runtime.pin_attempts import PinAttempts
from rescue_server.runtime.schedule.timekeeper import Timekeeper
from rescue_server.runtime.signs_of_life import SignsOfLife

HELLO_WITHIN = 10.0  # real seconds
INSTANCE_LENGTH = 64


class AppletService(applet_pb2_grpc.AppletServiceServicer):
    """`key` is the server's own: session tickets are derived from it."""

    def __init__(
        self,
        engine: Engine,
        timekeeper: Timekeeper,
        faults: FaultInjector,
        key: bytes,
        pins: PinAttempts,
        limits: Limits = LIMITS,
    ) -> None:
        self._engine = engine
        self._faults = faults
        self._timekeeper = timekeeper
        self._signs_of_life = SignsOfLife(engine, timekeeper)
        self._attachments = timekeeper.attachments
        self._key = key
        self._limits = limits
        self._pins = pins
        pace = Allowance(at_once=limits.channel_starts_at_once, every=1 / limits.channel_starts_per_second)
        self._starts = Allowances(pace)
        self._unproven = Slots()

    def drain(self) -> None:
        """End every attachment: the server shuts down."""
        self._attachments.send_to_all(orders.ServerLeaves())

    async def RedeemPin(self, request: pb.RedeemPinRequest, context: CallContext) -> pb.RedeemPinResponse:
        asked = translate.request_of("applet", request)
        ticket = derive_ticket(self._key, asked.id, asked.fingerprint)
        redeem = command_handlers.redeem_pin(
            request.pin, request.customer, hash_ticket(ticket), _computer(request, context)
        )
        source = source_of(peer_of(context))
        handler = command_handlers.limit_guesses(redeem, self._pins.guesses, source, self._pins.now)
        async with self._pins.turn(source):
            answer = await self._engine.perform(handler, asked)
        return pb.RedeemPinResponse(session=answer.session, ticket=ticket)

    async def StartThroughChannel(
        self, request: pb.StartThroughChannelRequest, context: CallContext
    ) -> pb.StartThroughChannelResponse:
        asked = translate.request_of("applet", request)
        ticket = derive_ticket(self._key, asked.id, asked.fingerprint)
        handler = command_handlers.start_through_channel(
            request.channel, request.customer, hash_ticket(ticket), self._limits, _computer(request, context)
        )
        if (source := source_of(peer_of(context))) not in THIS_MACHINE:
            handler = command_handlers.limit_starts(handler, self._starts, source, self._pins.now)
        answer = await self._engine.perform(handler, asked)
        return pb.StartThroughChannelResponse(session=answer.session, ticket=ticket)

    async def Attach(  # type: ignore[override]  # a coroutine that writes to the context: half a generator's memory
        self, request_iterator: object, context: CallContext
    ) -> None:
        most = self._limits.unproven_attachments_per_peer
        with self._unproven.taken(source_of(peer_of(context)), most, "attachments that have not said hello"):
            hello = await read_hello(context)
        session = command_handlers.admit(self._engine.published, hello.session, hello.ticket)
        connection = self._attachments.take_place(session.id, hello.instance, hello.attempt)
        if connection is None:
            await context.write(pb.AttachResponse(superseded=pb.Superseded()))
            return
        try:
            if not _is_over(session):
                await self._engine.perform(command_handlers.of_applet(session.id, customer_side.on_attach))
                self._timekeeper.renew_lease(session.id, answered=True)
            session = self._session(session.id)
            if _is_over(session):
                await context.write(pb.AttachResponse(ended=translate.ended(session)))
                return
            await context.write(pb.AttachResponse(attached=self._attached(session)))
            # Of a line that was sent already, the applet recognises the revision.
            if hello.history == self._engine.history:
                self._engine.chats.confirm(session.id, hello.chat_after)
            for line in self._engine.chats.unconfirmed(session.id):
                connection.send(line)
            if session.reboot_order:
                connection.send(orders.RebootNow(session.reboot_order, session.reboot_ordered_by))
            stream = AppletStream(connection, context, partial(self._response, session.id))
            del hello, session  # what is not needed while the applet is attached
            await stream.run(self._read(connection, context, stream))
        finally:
            self._attachments.leave(connection)

    async def _read(self, connection: attachments.AppletConnection, context: CallContext, stream: AppletStream) -> None:
        pace = Pace(self._limits.applet_messages_per_second, time.monotonic())
        while (request := await context.read()) is not grpc.aio.EOF:
            if (wait := pace.wait(time.monotonic())) > 0:
                await asyncio.sleep(wait)  # gRPC's flow control then holds up the sender
            if not self._attachments.is_current(connection):
                return
            kind = request.WhichOneof("message")
            if kind == "hello":
                raise InvalidArgument.of("hello", "only the first message of a stream is a hello")
            if kind == "heartbeat":
                await self._heartbeat(request.heartbeat, connection, stream)
            elif kind == "report":
                await self._report(request.report, connection)
            else:
                raise InvalidArgument.of("message", "a hello, a heartbeat or a report is needed")

    async def _heartbeat(
        self, heartbeat: pb.Heartbeat, connection: attachments.AppletConnection, stream: AppletStream
    ) -> None:
        if self._faults.loses(connection.session, LostMessage.HEARTBEAT):
            return
        await self._sign_of_life(connection.session, answered=bool(heartbeat.probe))
        self._engine.chats.confirm(connection.session, heartbeat.chat_after)
        if heartbeat.probe or not self._faults.loses(connection.session, LostMessage.HEARTBEAT_REPLY):
            await stream.answer(orders.HeartbeatAnswered(heartbeat.number))

    async def _sign_of_life(self, session_id: str, *, answered: bool = False) -> None:
        if self._signs_of_life.renew(session_id, answered=answered):
            await self._signs_of_life.restore(session_id)

    async def _report(self, report: pb.Report, connection: attachments.AppletConnection) -> None:
        await self._sign_of_life(connection.session)
        asked = translate.request_of(f"session:{connection.session}", report)
        try:
            await self._engine.perform(command_handlers.of_applet(connection.session, _decision_of(report)), asked)
        except STORAGE_ERRORS:
            return  # without an answer the applet sends it again
        except RescueError as refusal:
            connection.send(orders.ReportAnswered(report.request_id, str(refusal)))
            refusal.__traceback__ = None  # the error is kept for a retry; the report need not be kept
        else:
            connection.send(orders.ReportAnswered(report.request_id))

    def _session(self, session_id: str) -> Session:
        return self._engine.published.sessions[session_id]

    def _attached(self, session: Session) -> pb.Attached:
        organization = self._engine.published.organization
        settings = organization.settings_of(session.owner)
        pending = session.joined_at is None
        return pb.Attached(
            heartbeat_interval=translate.duration(settings.heartbeat_interval),
            terms_pending=pending,
            terms=settings.terms if pending else "",
            view=translate.view(view_of(session), settings),
            history=self._engine.history,
        )

    def _response(self, session_id: str, order: orders.Order) -> pb.AttachResponse:
        match order:
            case orders.HeartbeatAnswered(number):
                return pb.AttachResponse(heartbeat_reply=pb.HeartbeatReply(number=number))
            case orders.ReportAnswered(request_id, refusal):
                return pb.AttachResponse(receipt=pb.Receipt(request_id=request_id, refusal=refusal))
            case orders.Probe(number):
                return pb.AttachResponse(probe=pb.Probe(number=number))
            case orders.RebootNow(order_id, technician):
                return pb.AttachResponse(reboot=pb.RebootOrder(order_id=order_id, technician=technician))
            case orders.ChatShown(technician, text, revision):
                line = pb.AppletChatLine(**{"from": technician}, text=text, revision=revision)
                return pb.AttachResponse(chat=line)
            case orders.ViewChanged():
                session = self._session(session_id)
                settings = self._engine.published.organization.settings_of(session.owner)
                return pb.AttachResponse(view=translate.view(view_of(session), settings))
            case orders.SessionOver():
                return pb.AttachResponse(ended=translate.ended(self._session(session_id)))
            case orders.TakenOver():
                return pb.AttachResponse(superseded=pb.Superseded())
            case _:
                raise AssertionError(f"{order} is no message of this service")


def _decision_of(report: pb.Report) -> Any:
    match report.WhichOneof("what"):
        case "terms":
            return lambda s, x: customer_side.on_terms(s, accepted=report.terms.accepted, context=x)
        case "going_down":
            return lambda s, x: customer_side.on_going_down(s, order=report.going_down.order_id, context=x)
        case "goodbye":
            return customer_side.on_goodbye
        case "chat":
            return lambda s, x: customer_side.on_customer_chat(s, text=report.chat.text, context=x)
    raise InvalidArgument.of("report", "terms, going_down, goodbye or chat is needed")


def _computer(request: pb.RedeemPinRequest | pb.StartThroughChannelRequest, context: CallContext) -> AppletComputer:
    unsaid = AppletComputer()
    return AppletComputer(
        address=address_of(peer_of(context)),
        language=request.language or unsaid.language,
        platform=request.platform or unsaid.platform,
    )


def _is_over(session: Session) -> bool:
    return session.ended_at is not None or session.declined


async def read_hello(context: CallContext) -> pb.Hello:
    """Return the first message of an applet's stream. Raises InvalidArgument."""
    try:
        async with asyncio.timeout(HELLO_WITHIN):
            first = await context.read()
    except TimeoutError:
        first = grpc.aio.EOF
    if first is grpc.aio.EOF or first.WhichOneof("message") != "hello":
        raise InvalidArgument.of("hello", "the first message of a stream must be a hello")
    hello: pb.Hello = first.hello
    if not hello.instance or len(hello.instance) > INSTANCE_LENGTH:
        raise InvalidArgument.of("instance", f"a random id of 1 to {INSTANCE_LENGTH} characters is needed")
    return hello
