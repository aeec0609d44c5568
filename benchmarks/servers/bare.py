"""A bare grpc.aio server of the same contract: it answers as the product does, and knows, checks and stores nothing."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import grpc

from rescue_protos.v1 import applet_pb2, applet_pb2_grpc, common_pb2, console_pb2, console_pb2_grpc
from rescue_server.rpc.listener import OPTIONS

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class Applets(applet_pb2_grpc.AppletServiceServicer):
    """Lets everybody attach, and answers each heartbeat."""

    def __init__(self, consoles: Consoles) -> None:
        self._consoles = consoles
        self._sessions = itertools.count(1001)

    async def StartThroughChannel(
        self, request: applet_pb2.StartThroughChannelRequest, context: Context
    ) -> applet_pb2.StartThroughChannelResponse:
        session = str(next(self._sessions))
        entry = common_pb2.QueueEntry(
            session=session,
            status=common_pb2.STATUS_CONNECTING,
            customer=request.customer,
            channel=request.channel,
            allowed=["start", "hold", "transfer", "end"],
        )
        change = console_pb2.StatusChange(entry=entry, row=2)
        self._consoles.publish(console_pb2.QueueDelta(status=change, cause=common_pb2.Cause(text="a new session")))
        return applet_pb2.StartThroughChannelResponse(session=session, ticket="0" * 64)

    async def Attach(
        self, request_iterator: AsyncIterator[applet_pb2.AttachRequest], context: Context
    ) -> AsyncIterator[applet_pb2.AttachResponse]:
        async for request in request_iterator:
            if request.WhichOneof("message") == "hello":
                yield applet_pb2.AttachResponse(attached=applet_pb2.Attached(terms="the terms"))
            else:
                yield applet_pb2.AttachResponse(
                    heartbeat_reply=applet_pb2.HeartbeatReply(number=request.heartbeat.number)
                )


class Consoles(console_pb2_grpc.ConsoleServiceServicer):
    """Tells every watch of every change; a message is serialized for each, as gRPC does by itself."""

    def __init__(self) -> None:
        self._watches: set[asyncio.Queue[console_pb2.WatchQueueResponse]] = set()
        self._revisions = itertools.count(1)

    def publish(self, delta: console_pb2.QueueDelta) -> int:
        """Tell every watch."""
        delta.revision = next(self._revisions)
        delta.at.GetCurrentTime()
        for watch in self._watches:
            watch.put_nowait(console_pb2.WatchQueueResponse(delta=delta))
        return delta.revision

    async def WatchQueue(
        self, request: console_pb2.WatchQueueRequest, context: Context
    ) -> AsyncIterator[console_pb2.WatchQueueResponse]:
        watch: asyncio.Queue[console_pb2.WatchQueueResponse] = asyncio.Queue()
        self._watches.add(watch)
        try:
            yield console_pb2.WatchQueueResponse(snapshot=console_pb2.QueueSnapshot())
            while True:
                yield await watch.get()
        finally:
            self._watches.discard(watch)

    async def CreatePin(self, request: console_pb2.CreatePinRequest, context: Context) -> console_pb2.CreatePinResponse:
        return console_pb2.CreatePinResponse(revision=next(self._revisions), session="1001", pin="123456")

    async def SendCommands(
        self, request_iterator: AsyncIterator[console_pb2.SendCommandsRequest], context: Context
    ) -> AsyncIterator[console_pb2.SendCommandsResponse]:
        async for request in request_iterator:
            answers = [
                console_pb2.CommandAnswer(
                    number=command.number, create_pin=await self.CreatePin(command.create_pin, context)
                )
                for command in request.commands
            ]
            yield console_pb2.SendCommandsResponse(answers=answers)

    async def StartSession(
        self, request: console_pb2.StartSessionRequest, context: Context
    ) -> console_pb2.StartSessionResponse:
        return console_pb2.StartSessionResponse(revision=next(self._revisions))

    async def SendChat(self, request: console_pb2.SendChatRequest, context: Context) -> console_pb2.SendChatResponse:
        line = common_pb2.ChatLine(text=request.text)
        entry = common_pb2.QueueEntry(session=request.session, status=common_pb2.STATUS_ACTIVE, allowed=["hold", "end"])
        chat = console_pb2.SessionChat(session=request.session, line=line, entry=entry)
        revision = self.publish(console_pb2.QueueDelta(chat=chat, cause=common_pb2.Cause(text="somebody wrote")))
        return console_pb2.SendChatResponse(revision=revision)


async def serve() -> None:
    """Serve until SIGTERM, which ends the process: to end the streams first would print a traceback for each."""
    server = grpc.aio.server(options=list(OPTIONS))
    consoles = Consoles()  # type: ignore[abstract]  # what it has not is not called
    console_pb2_grpc.add_ConsoleServiceServicer_to_server(consoles, server)
    applet_pb2_grpc.add_AppletServiceServicer_to_server(Applets(consoles), server)  # type: ignore[abstract]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print("ready", port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    asyncio.run(serve())
