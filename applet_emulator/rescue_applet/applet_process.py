"""The applet's program: it attaches to its session, carries out orders, and resumes with the saved ticket.

Run by its computer as `python -m rescue_applet.applet_process RELAY FILE`: it gets the near end of the network
cable and its ticket file, and nothing else. Orders come on stdin, news goes to stdout. The end of its stdin means
that the computer is gone: the applet then exits at once, without a message.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
import uuid
from pathlib import Path

import grpc
import msgspec
from google.protobuf.message import DecodeError

from rescue_applet import child_protocol
from rescue_applet.attachment import Attachment
from rescue_applet.events import ComputerEvent, Ended, Error
from rescue_applet.ticket_file import SavedTicket, TicketFile
from rescue_client.channel import open_channel
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import LEADER, Unavailable
from rescue_protos.v1 import applet_pb2 as pb
from rescue_protos.v1 import applet_pb2_grpc

PAUSE = 0.2  # real seconds
ASKING_WITHIN = 2.0  # real seconds
# If the server requires a longer wait (after too many wrong PINs), the customer gets that message instead.
LONGEST_RETRY_DELAY = 30.0  # real seconds; who shares an address with a guesser waits up to 20
# The server could not decide this time. A second request with the same request id is harmless.
_TRY_AGAIN = frozenset({"UNKNOWN", "INTERNAL", "ABORTED", "RESOURCE_EXHAUSTED"})


class Applet:
    """The applet's process: the shell around an `Attachment`."""

    def __init__(self, *, relay: str, file: TicketFile) -> None:
        self._relay = relay
        self._file = file
        self._saved = file.read()
        self._unconfirmed = tuple(pb.Report.FromString(report) for report in self._saved.outbox)
        self._attachment: Attachment | None = None
        self._speed = 1.0
        self._stirred = asyncio.Event()
        self._finished = asyncio.Event()

    async def run(self, orders: asyncio.StreamReader) -> None:
        """Run until the session is over, or the computer reboots."""
        async with asyncio.TaskGroup() as tasks:
            living = tasks.create_task(self._live())
            listening = tasks.create_task(self._listen(orders))
            await self._finished.wait()
            living.cancel()
            listening.cancel()

    async def _listen(self, orders: asyncio.StreamReader) -> None:
        while line := await orders.readline():
            self._execute(child_protocol.read_order(line))
        os._exit(0)

    def _execute(self, order: child_protocol.Orders) -> None:
        attachment, now = self._attachment, time.monotonic()
        match order:
            case child_protocol.SpeedChanged():
                self._speed = order.speed
                if attachment:
                    attachment.set_speed(order.speed)
            case child_protocol.CheckReach():
                if attachment:
                    attachment.probe(now)
            case child_protocol.GoDown() if attachment:
                attachment.go_down(order.order_id, _new_id(), now)
            case child_protocol.GoDown():
                self._finish(child_protocol.WentDown())
            case child_protocol.Close() if attachment:
                attachment.close(_new_id(), now)
            case child_protocol.Close():
                self._finish(Ended(reason="closed-by-customer"))
            case child_protocol.GiveAnswer() if attachment:
                answer = pb.TermsAnswer(accepted=order.accepted)
                attachment.report(pb.Report(request_id=_new_id(), terms=answer), now)
            case child_protocol.SendChat() if attachment:
                chat = pb.CustomerChat(text=order.text)
                attachment.report(pb.Report(request_id=_new_id(), chat=chat), now)
            case child_protocol.SendChat():
                _send_news(Error(message="there is no session to chat in yet"))
        self._stirred.set()

    async def _live(self) -> None:
        if not self._saved.ticket and not await self._join():
            return
        saved = self._saved
        _send_news(child_protocol.TicketKept(session=saved.session, ticket=saved.ticket))
        attachment = self._attachment = Attachment(
            session=saved.session,
            ticket=saved.ticket,
            instance=_new_id(),
            joined=saved.joined,
            outbox=self._unconfirmed,
            chat_after=saved.chat_after,
            history=saved.history,
        )
        attachment.set_speed(self._speed)
        while not attachment.done:
            leader = await self._connection(attachment)
            if not attachment.done:
                _send_news(child_protocol.ConnectionLost(leader=leader))
                await asyncio.sleep(PAUSE)
                self._save_and_send(attachment)

    async def _join(self) -> bool:
        """Redeem the PIN, or start through the channel. Returns whether there is a session now."""
        while True:
            try:
                session, ticket = await self._request_session()
            except grpc.RpcError as error:
                refusal = from_rpc_error(error)
                delay = max(PAUSE, refusal.retry_after)
                if delay <= LONGEST_RETRY_DELAY and (isinstance(refusal, Unavailable) or refusal.code in _TRY_AGAIN):
                    leader = refusal.metadata.get(LEADER, "")
                    _send_news(child_protocol.Unreachable(message=str(refusal), leader=leader))
                    await asyncio.sleep(delay)
                    continue
                self._finish(
                    child_protocol.Failed(code=refusal.code, reason=refusal.reason, message=str(refusal)),
                )
                return False
            self._save(msgspec.structs.replace(self._saved, session=session, ticket=ticket))
            return True

    async def _request_session(self) -> tuple[str, str]:
        join_request = self._saved.join_request
        async with open_channel(self._relay, keepalive=False) as channel:
            stub = applet_pb2_grpc.AppletServiceStub(channel)
            if join_request.pin:
                pin = pb.RedeemPinRequest(
                    request_id=join_request.request_id,
                    pin=join_request.pin,
                    customer=join_request.customer,
                    language=join_request.language,
                )
                redeemed = await stub.RedeemPin(pin, timeout=ASKING_WITHIN)
                return redeemed.session, redeemed.ticket
            start = pb.StartThroughChannelRequest(
                request_id=join_request.request_id,
                channel=join_request.channel,
                customer=join_request.customer,
                language=join_request.language,
            )
            started = await stub.StartThroughChannel(start, timeout=ASKING_WITHIN)
            return started.session, started.ticket

    async def _connection(self, attachment: Attachment) -> str:
        """Connect, and serve the attachment until the connection is lost or the applet is done.

        Return the server that the other side named instead of itself, if it did.
        """
        attachment.dial(time.monotonic())
        # A gRPC channel of its own, because gRPC must not reuse a connection that was given up.
        channel = open_channel(self._relay, keepalive=False)
        call = applet_pb2_grpc.AppletServiceStub(channel).Attach()
        outgoing: asyncio.Queue[pb.AttachRequest] = asyncio.Queue()
        reading = asyncio.create_task(self._read(call, attachment))
        writing = asyncio.create_task(_write(call, outgoing))
        try:
            while attachment.connected:
                self._save_and_send(attachment)
                for request in attachment.take_requests():
                    outgoing.put_nowait(request)
                await self._until(attachment.deadline)
                attachment.wake(time.monotonic())
            self._save_and_send(attachment)
            return reading.result() if reading.done() else ""
        finally:
            reading.cancel()
            writing.cancel()
            call.cancel()
            await channel.close()

    async def _read(
        self, call: grpc.aio.StreamStreamCall[pb.AttachRequest, pb.AttachResponse], attachment: Attachment
    ) -> str:
        code, reason, message, leader = "OK", "", "", ""
        try:
            async for response in call:
                attachment.receive(response, time.monotonic())
                self._stirred.set()
        except grpc.RpcError as error:
            failure = from_rpc_error(error)
            code, reason, message = failure.code, failure.reason, str(failure)
            leader = failure.metadata.get(LEADER, "")
        attachment.broke(time.monotonic(), code=code, reason=reason, message=message)
        self._stirred.set()
        return leader

    async def _until(self, deadline: float | None) -> None:
        """Sleep until the deadline, or until something happens."""
        if deadline is not None and not self._stirred.is_set():
            try:
                async with asyncio.timeout(max(deadline - time.monotonic(), 0)):
                    await self._stirred.wait()
            except TimeoutError:
                return
        self._stirred.clear()

    def _save_and_send(self, attachment: Attachment) -> None:
        """Save what must outlive the process, then send the news."""
        news = attachment.take_news()
        if not attachment.done:
            outbox = tuple(report.SerializeToString() for report in attachment.outbox)
            self._save(
                msgspec.structs.replace(
                    self._saved,
                    joined=attachment.joined,
                    outbox=outbox,
                    chat_after=attachment.chat_after,
                    history=attachment.history,
                )
            )
        for happening in news:
            if isinstance(happening, Ended | child_protocol.Failed | child_protocol.WentDown):
                self._finish(happening)
            else:
                _send_news(happening)

    def _save(self, saved: SavedTicket) -> None:
        if saved != self._saved:
            self._saved = saved
            self._file.write(saved)

    def _finish(self, last_word: ComputerEvent) -> None:
        if not isinstance(last_word, child_protocol.WentDown):
            self._file.forget()
        _send_news(last_word)
        self._finished.set()


async def _write(
    call: grpc.aio.StreamStreamCall[pb.AttachRequest, pb.AttachResponse],
    outgoing: asyncio.Queue[pb.AttachRequest],
) -> None:
    try:
        while True:
            await call.write(await outgoing.get())
    except (grpc.RpcError, asyncio.InvalidStateError):
        return  # The reader learns how the call ended.


def _new_id() -> str:
    return str(uuid.uuid4())


def _send_news(news: ComputerEvent) -> None:
    try:
        sys.stdout.buffer.write(child_protocol.encode(news))
        sys.stdout.buffer.flush()
    except OSError:
        os._exit(0)  # The computer is gone.


async def _main(relay: str, file: TicketFile) -> None:
    orders = asyncio.StreamReader(limit=child_protocol.LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin.buffer)
    try:
        applet = Applet(relay=relay, file=file)
    except (OSError, msgspec.DecodeError, DecodeError) as error:
        _send_news(
            child_protocol.Failed(code="DATA_LOSS", reason="TICKET_FILE_DAMAGED", message=f"{file.path}: {error}")
        )
        os._exit(1)
    await applet.run(orders)
    # All is sent and saved; tearing down gRPC and the interpreter would only delay the computer.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], TicketFile(Path(sys.argv[2]))))
