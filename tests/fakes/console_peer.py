"""A fake session server for consoles: it does what a test says, over real gRPC.

The peer keeps the contract of `console.proto`: one revision for all, a log of deltas to resume from, an answer
per request id. It decides nothing about sessions; a test says what happens. Its state outlives its grpc server,
as a store would, so that it can be stopped and booted again, on another port.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import grpc

from rescue_common.state_directory import Access
from rescue_protos.error_details import to_status
from rescue_protos.errors import FailedPrecondition, RescueError
from rescue_protos.v1 import access_pb2, access_pb2_grpc, common_pb2, console_pb2, console_pb2_grpc
from tests.fakes.scripted_server import Context, ScriptedServer

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
SECRETS = {"alice": "opensesame"}
Reply = TypeVar("Reply")


class Peer(ScriptedServer, console_pb2_grpc.ConsoleServiceServicer, access_pb2_grpc.AccessServiceServicer):
    """The scripted server."""

    def __init__(self, data: Path) -> None:
        super().__init__()
        self.data = data
        self.secrets = dict(SECRETS)
        self.revision = 0
        self.oldest = 0
        self.entries: dict[str, common_pb2.QueueEntry] = {}
        self.log: list[console_pb2.QueueDelta] = []
        self.requests: list[tuple[str, Any]] = []
        self.watches: list[console_pb2.WatchQueueRequest] = []
        self.answers: dict[str, Any] = {}
        self.sign_ins = 0
        self.repeats = 0
        """How many deltas that the client has seen already a resumed watch begins with."""
        self.in_batches = False
        self.before_answer: Callable[[str, Context], Awaitable[None]] | None = None
        self.watch_refusals: list[RescueError] = []
        """What the next watches are refused with, one each."""
        self.watch_ended = asyncio.Event()
        self._tokens: set[str] = set()
        self._watchers: dict[str, asyncio.Queue[console_pb2.WatchQueueResponse]] = {}
        self._places: list[socket.socket] = []

    # -- what a test does --------------------------------------------------------------------------------------

    async def boot(self) -> None:
        """Listen on a new port and say so in the state directory."""
        self._tokens.clear()
        await self.start()
        self.publish_access()

    def register(self, server: grpc.aio.Server) -> None:
        console_pb2_grpc.add_ConsoleServiceServicer_to_server(self, server)
        access_pb2_grpc.add_AccessServiceServicer_to_server(self, server)

    def publish_access(self) -> None:
        Access(server=self.address, secrets=self.secrets).write(self.data)

    async def crash(self) -> None:
        """Be gone at once, in the middle of whatever is going on."""
        if self._server is not None:
            await self.stop()
            self._keep_port_free(int(self.address.rpartition(":")[2]))

    def _keep_port_free(self, port: int) -> None:
        """Nobody listens there, and nobody else can: a test that runs beside this one must not be taken for us."""
        place = socket.socket()
        self._places.append(place)
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of the crashed server linger
        with contextlib.suppress(OSError):
            place.bind(("127.0.0.1", port))
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)

    def release_ports(self) -> None:
        """Close the sockets that kept ports free; the test is over."""
        for place in self._places:
            place.close()

    def change(self, session: str, status: str, previous: str = "", row: int = 0, **entry: Any) -> int:
        """A status changes: it is logged, and told to who watches."""
        kept = self.entries.setdefault(session, common_pb2.QueueEntry(session=session))
        kept.status = common_pb2.Status.Value(f"STATUS_{status}")
        self._fill(kept, entry)
        if status.startswith("REMOVED"):
            del self.entries[session]
        before = common_pb2.Status.Value(f"STATUS_{previous or 'UNSPECIFIED'}")
        return self.tell(status=console_pb2.StatusChange(entry=kept, previous=before, row=row))

    def detail(self, session: str, **entry: Any) -> int:
        self._fill(self.entries[session], entry)
        return self.tell(entry=self.entries[session])

    def tell(self, **what: Any) -> int:
        self.revision += 1
        delta = console_pb2.QueueDelta(revision=self.revision, cause=common_pb2.Cause(text="a test said so"), **what)
        delta.at.FromDatetime(EPOCH + timedelta(seconds=self.revision))
        self.log.append(delta)
        for watcher in self._watchers.values():
            watcher.put_nowait(console_pb2.WatchQueueResponse(delta=delta))
        return self.revision

    def compact(self) -> None:
        """Forget all deltas: only what happens from now on can be resumed."""
        self.log.clear()
        self.oldest = self.revision

    def named(self, method: str) -> list[Any]:
        return [request for name, request in self.requests if name == method]

    # -- the services ------------------------------------------------------------------------------------------

    async def SignIn(self, request: access_pb2.SignInRequest, context: Context) -> access_pb2.SignInResponse:
        self.sign_ins += 1
        if self.secrets.get(request.user) != request.secret:
            await _abort(context, "UNAUTHENTICATED", "WRONG_SECRET", f"user {request.user} or secret is wrong")
        token = f"token-{self.sign_ins}"
        self._tokens.add(token)
        return access_pb2.SignInResponse(token=token)

    async def WatchQueue(
        self, request: console_pb2.WatchQueueRequest, context: Context
    ) -> AsyncIterator[console_pb2.WatchQueueResponse]:
        await self._authorize(context)
        if self.watch_refusals:
            await context.abort(*to_status(self.watch_refusals.pop(0)))
        self.watches.append(request)
        mailbox: asyncio.Queue[console_pb2.WatchQueueResponse] = asyncio.Queue()
        self._watchers[request.console] = mailbox
        opening = self._opening(request)
        try:
            await context.send_initial_metadata(())
            for message in opening:
                yield message
            while True:
                yield await mailbox.get()
        finally:
            if self._watchers.get(request.console) is mailbox:
                del self._watchers[request.console]
            self.watch_ended.set()

    def _opening(self, request: console_pb2.WatchQueueRequest) -> list[console_pb2.WatchQueueResponse]:
        response = console_pb2.WatchQueueResponse
        snapshot = console_pb2.QueueSnapshot(
            revision=self.revision, entries=[self.entries[s] for s in sorted(self.entries)]
        )
        snapshot.at.FromDatetime(EPOCH)
        if not request.HasField("after_revision"):
            return [response(snapshot=snapshot)]
        if request.after_revision < self.oldest:
            too_old = console_pb2.Compacted(oldest_revision=self.oldest)
            return [response(compacted=too_old), response(snapshot=snapshot)]
        seen = [delta for delta in self.log if delta.revision <= request.after_revision]
        fresh = self.log[max(len(seen) - self.repeats, 0) :]
        if self.in_batches:
            return [response(deltas=console_pb2.QueueDeltas(deltas=fresh))]
        return [response(delta=delta) for delta in fresh]

    async def SyncQueue(self, request: console_pb2.SyncQueueRequest, context: Context) -> console_pb2.SyncQueueResponse:
        await self._received("SyncQueue", request, context)
        await self._known(request.console, context)
        bookmark = console_pb2.Bookmark(revision=self.revision)
        self._watchers[request.console].put_nowait(console_pb2.WatchQueueResponse(bookmark=bookmark))
        return console_pb2.SyncQueueResponse(revision=self.revision)

    async def SetFocus(self, request: console_pb2.SetFocusRequest, context: Context) -> console_pb2.SetFocusResponse:
        await self._received("SetFocus", request, context)
        await self._known(request.console, context)
        return console_pb2.SetFocusResponse(revision=self.revision)

    async def ListQueue(self, request: console_pb2.ListQueueRequest, context: Context) -> console_pb2.ListQueueResponse:
        await self._received("ListQueue", request, context)
        return console_pb2.ListQueueResponse(revision=self.revision, entries=list(self.entries.values()))

    async def GetDirectory(
        self, request: console_pb2.GetDirectoryRequest, context: Context
    ) -> console_pb2.GetDirectoryResponse:
        await self._received("GetDirectory", request, context)
        bob = console_pb2.DirectoryTechnician(name="bob", group="Support", connected=True)
        return console_pb2.GetDirectoryResponse(technicians=[bob], groups=["Support"], channels=["Web"])

    async def CreatePin(self, request: console_pb2.CreatePinRequest, context: Context) -> console_pb2.CreatePinResponse:
        def create() -> console_pb2.CreatePinResponse:
            session = f"s{len(self.named('CreatePin'))}"
            revision = self.change(session, "CONNECTING", customer=request.customer, pin="123456")
            answer = console_pb2.CreatePinResponse(revision=revision, session=session, pin="123456")
            answer.valid_for.FromTimedelta(timedelta(minutes=20))
            return answer

        return await self._once("CreatePin", request, context, create)

    async def TransferSession(
        self, request: console_pb2.TransferSessionRequest, context: Context
    ) -> console_pb2.TransferSessionResponse:
        def transfer() -> console_pb2.TransferSessionResponse:
            return console_pb2.TransferSessionResponse(revision=self.revision, incoming=["bob"])

        return await self._once("TransferSession", request, context, transfer)

    async def HoldSession(
        self, request: console_pb2.HoldSessionRequest, context: Context
    ) -> console_pb2.HoldSessionResponse:
        await self._received("HoldSession", request, context)
        refusal = FailedPrecondition(
            f"session {request.session} is Waiting: hold is not possible here",
            reason="NOT_IN_THIS_STATUS",
            allowed=("start", "end"),
        )
        await context.abort(*to_status(refusal))
        raise AssertionError("abort raises")

    async def _once(self, method: str, request: Any, context: Context, effect: Callable[[], Reply]) -> Reply:
        await self._authorize(context)
        self.requests.append((method, request))
        if request.request_id not in self.answers:
            self.answers[request.request_id] = effect()
        if self.before_answer is not None:
            await self.before_answer(method, context)
        answer: Reply = self.answers[request.request_id]
        return answer

    async def _received(self, method: str, request: Any, context: Context) -> None:
        await self._authorize(context)
        self.requests.append((method, request))
        if self.before_answer is not None:
            await self.before_answer(method, context)

    async def _known(self, console: str, context: Context) -> None:
        if console not in self._watchers:
            await _abort(context, "NOT_FOUND", "NO_SUCH_CONSOLE", "no watch of this console")

    async def _authorize(self, context: Context) -> None:
        sent = str(dict(context.invocation_metadata() or ()).get("authorization", ""))
        if sent.removeprefix("Bearer ") not in self._tokens:
            await _abort(context, "UNAUTHENTICATED", "BAD_TOKEN", "the token is not known")

    @staticmethod
    def _fill(entry: common_pb2.QueueEntry, fields: dict[str, Any]) -> None:
        for name, value in fields.items():
            if isinstance(value, list):
                del getattr(entry, name)[:]
                getattr(entry, name).extend(value)
            elif isinstance(value, datetime):
                getattr(entry, name).FromDatetime(value)
            else:
                setattr(entry, name, value)


def _add_command(method: str) -> None:
    """The commands that only answer with a revision are all alike."""
    response = getattr(console_pb2, f"{method}Response")

    async def command(self: Peer, request: Any, context: Context) -> Any:
        return await self._once(method, request, context, lambda: response(revision=self.revision))

    setattr(Peer, method, command)


for _method in (
    "StartSession",
    "InviteTechnician",
    "RemoveTechnician",
    "OfferLead",
    "CancelLeadOffer",
    "AcceptLead",
    "RebootComputer",
    "SendChat",
    "AddNote",
    "OpenProcess",
    "CloseProcess",
    "EndSession",
):
    _add_command(_method)


async def _abort(context: Context, code: str, reason: str, message: str) -> None:
    await context.abort(*to_status(RescueError(message, code=code, reason=reason)))


def lead_offer(session: str, sender: str) -> console_pb2.LeadOffer:
    """Make an offer of the lead; the field of its sender is a keyword of Python."""
    offer = console_pb2.LeadOffer(session=session)
    setattr(offer, "from", sender)
    return offer
