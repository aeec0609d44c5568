"""The applets that are attached at other servers, at the leader: each is served as if it were attached here."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NoReturn, cast

import grpc

from rescue_common.background_tasks import BackgroundTasks
from rescue_protos.error_details import DETAILS_KEY
from rescue_protos.v1 import applet_pb2 as pb
from rescue_protos.v1 import cluster_pb2
from rescue_server.cluster.linked_servers import LinkedServer, LinkedServers
from rescue_server.rpc.call_context import CallContext
from rescue_server.runtime.attachments import Attachments
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.schedule.roll_call import in_portions
from rescue_server.runtime.schedule.timekeeper import Timekeeper
from rescue_server.runtime.signs_of_life import SignsOfLife

RETURN_WITHIN = 5.0  # real seconds for the applets of a server that is gone to come back elsewhere
RETURNING_PER_SECOND = 1_000.0  # of many, each thousand has a second more
_ALIVE_EVERY = 0.2  # real seconds
_SUSPECT = 0.8  # real seconds: a server that has been silent for so long may stand still

Attach = Callable[[object, CallContext], Awaitable[None]]
"""Serves the stream of one applet."""


class LinkedContext:
    """What stands for gRPC's context of an applet's stream: its messages come and go over the link."""

    __slots__ = ("_messages", "_peer", "_server", "_waiting", "confirmed", "ended", "number", "session", "task")

    def __init__(self, server: LinkedServer, number: int, opened: cluster_pb2.AppletOpened) -> None:
        self._server = server
        self._messages: deque[object] | None = deque([pb.AttachRequest(hello=opened.hello)])
        self._waiting: asyncio.Future[None] | None = None
        self.number = number
        self.session: str = opened.hello.session
        self._peer = opened.peer
        self.confirmed = False  # that the applet is who it says
        self.ended = cluster_pb2.AppletEnded()
        self.task: asyncio.Task[None] | None = None

    def put(self, message: object) -> None:
        """Give it the next message of the applet; EOF if the applet is gone."""
        self._messages = self._messages or deque()
        self._messages.append(message)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def read(self) -> object:
        """Return the next message, as gRPC does."""
        while not self._messages:
            self._messages = None  # of most applets nothing comes: an empty deque has room for 64
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        return self._messages.popleft()

    async def write(self, message: pb.AttachResponse) -> None:
        """Send a message to the applet."""
        self.confirmed = self.confirmed or message.HasField("attached")
        self.send(cluster_pb2.AppletOrder(number=self.number, sent=message))

    def send(self, order: cluster_pb2.AppletOrder) -> None:
        """Send what the applet's server is to do."""
        self._server.send(cluster_pb2.LinkResponse(applet=order))

    def peer(self) -> str:
        """Return gRPC's name of the applet, as its server knows it."""
        return self._peer

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        """Return nothing: an applet sends none that counts."""
        return ()

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing: Iterable[Any] = ()) -> NoReturn:
        """End the stream with an error."""
        found = next((value for name, value in trailing if name == DETAILS_KEY), b"")
        self.ended = cluster_pb2.AppletEnded(code=code.name, message=details, details=found)
        raise grpc.aio.AbortError


class LinkedApplets:
    """All of them. `attach` is set once the service that serves applets is there."""

    def __init__(self, engine: Engine, timekeeper: Timekeeper, attachments: Attachments, linked: LinkedServers) -> None:
        self.attach: Attach | None = None
        self._engine = engine
        self._timekeeper = timekeeper
        self._attachments = attachments
        self._signs_of_life = SignsOfLife(engine, timekeeper)
        self._of: dict[LinkedServer, dict[int, LinkedContext]] = {}
        self._any = asyncio.Event()  # set when there are applets
        self._tasks = BackgroundTasks()
        self._is_closed = False
        linked.on("applet", self._received)
        linked.on("heartbeats", self._beat)
        linked.on_end(self._lost)

    async def run(self) -> None:
        """Judge no applet while its server stands still, until cancelled: it may be alive, and goes elsewhere."""
        while True:
            if not any(self._of.values()):
                self._any.clear()
                await self._any.wait()
            await asyncio.sleep(_ALIVE_EVERY)
            for server, known in list(self._of.items()):
                if server.silence() > _SUSPECT:
                    await self._renew([one.session for one in known.values() if one.confirmed])

    def close(self) -> None:
        """Serve nobody any more: this server does not lead. What its links still lead to is the next leader's."""
        self._is_closed = True
        self._tasks.cancel()

    def _received(self, server: LinkedServer, message: cluster_pb2.LinkRequest) -> None:
        frame, known = message.applet, self._of.setdefault(server, {})
        match frame.WhichOneof("content"):
            case "opened":
                context = known[frame.number] = LinkedContext(server, frame.number, frame.opened)
                self._any.set()
                context.task = self._tasks.start(self._serve(server, context))
            case "sent" if frame.number in known:
                known[frame.number].put(frame.sent)
            case "gone" if frame.number in known:
                known.pop(frame.number).put(grpc.aio.EOF)

    async def _serve(self, server: LinkedServer, context: LinkedContext) -> None:
        assert self.attach is not None  # set before anybody can link
        try:
            with contextlib.suppress(grpc.aio.AbortError):
                await self.attach(None, cast("CallContext", context))
            context.send(cluster_pb2.AppletOrder(number=context.number, ended=context.ended))
        finally:
            known = self._of.get(server, {})
            if known.get(context.number) is context:
                del known[context.number]

    def _beat(self, server: LinkedServer, message: cluster_pb2.LinkRequest) -> None:
        batch, known = message.heartbeats, self._of.get(server, {})
        for numbers, answered in ((batch.numbers, False), (batch.answered, True)):
            contexts = map(known.get, numbers)
            sessions = [context.session for context in contexts if context is not None and context.confirmed]
            for session in self._signs_of_life.renew_all(sessions, answered=answered):
                self._tasks.start(self._signs_of_life.restore(session))
        for confirmed in batch.chats:
            context = known.get(confirmed.number)
            if context is not None and context.confirmed:
                self._engine.chats.confirm(context.session, confirmed.after)

    def _lost(self, server: LinkedServer) -> None:
        lost = self._of.pop(server, {})
        sessions = [context.session for context in lost.values() if context.confirmed]
        for context in lost.values():
            if context.task is not None:
                context.task.cancel()
        if sessions and not self._is_closed:
            self._tasks.start(self._keep_alive(sessions))

    async def _keep_alive(self, sessions: list[str]) -> None:
        """Judge nobody whose server is gone before they may have come back elsewhere."""
        real_now = asyncio.get_running_loop().time
        until = real_now() + RETURN_WITHIN + len(sessions) / RETURNING_PER_SECOND
        while sessions and real_now() < until:
            sessions = [session for session in sessions if self._attachments.of(session) is None]
            await self._renew(sessions)
            await asyncio.sleep(_ALIVE_EVERY)

    async def _renew(self, sessions: list[str]) -> None:
        await in_portions(sessions, lambda session: self._timekeeper.renew_lease(session, answered=True))
