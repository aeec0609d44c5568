"""A technician's console as a library: each command of the contract as a typed method, and a watch that resumes.

    async with Connection.find(user="alice") as connection:
        console = ConsoleClient(connection)
        created = await console.create_pin("Jan")
        async with aclosing(console.watch()) as updates:
            async for update in updates:
                ...

Each command carries a random request id. While the server is away, the client sends the command again with the same
id, so that the server executes it once. After the connection's timeout the method raises Unavailable. All methods
raise the errors of `rescue_protos.errors` and return `records`. Many commands at once take the least time `by_stream`.
"""

from __future__ import annotations

import asyncio
import copy
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from rescue_client import decoding
from rescue_client.command_stream import StreamedCommands
from rescue_client.connection import Connection
from rescue_client.deadlines import AttemptLimit, Deadline
from rescue_client.records import (
    Directory,
    Done,
    PinCreated,
    Process,
    QueueListing,
    SessionHistory,
    Target,
    Transferred,
    Update,
)
from rescue_client.watch import QueueWatch
from rescue_protos.errors import NotFound, Unavailable
from rescue_protos.v1 import console_pb2 as pb
from rescue_protos.v1 import console_pb2_grpc

if TYPE_CHECKING:
    from rescue_client.channel import Metadata, SignedInChannel
    from rescue_client.clock import ClockReading
    from rescue_protos.v1.console_pb2_grpc import ConsoleServiceAsyncStub

_LIMIT = AttemptLimit(first=2.0, longest=10.0)
_DETECTS_A_RESTART = 5.0  # real seconds until a watch notices that the server restarted

Reply = TypeVar("Reply")


class _HasRevision(Protocol):
    @property
    def revision(self) -> int: ...


class ConsoleClient:
    """One console of the connection's user. It has at most one `watch` at a time; commands may run concurrently."""

    def __init__(self, connection: Connection, *, in_focus: bool = True) -> None:
        self.connection = connection
        self._watch = QueueWatch(connection, console=str(uuid.uuid4()), in_focus=in_focus)
        self._deadline: Deadline | None = None
        self._streams: StreamedCommands | None = None

    @property
    def technician(self) -> str:
        """The name of the technician."""
        return self.connection.user

    def since(self, moment: float) -> Self:
        """Return this console with a deadline for each call: the connection's timeout after `moment`.

        `moment` is of the event loop's clock: when the person gave the command, which may have waited for others.
        """
        console = copy.copy(self)
        console._deadline = Deadline.after(self.connection.timeout, since=moment)
        return console

    @asynccontextmanager
    async def by_stream(self) -> AsyncIterator[Self]:
        """Give this console's commands by one stream, for the length of the block.

        For many commands at once that takes a third of the work that calls are to both sides. Give them concurrently,
        such as in a TaskGroup. Each is answered, refused and repeated as without the stream.
        """
        console = copy.copy(self)
        console._streams = StreamedCommands()
        try:
            yield console
        finally:
            console._streams.close()

    def watch(self) -> AsyncGenerator[Update, None]:
        """Deliver the queue and all its changes, also after the server was away. Close the generator.

        Called again after it was closed, it continues after the last update delivered. Raises Unauthenticated or
        PermissionDenied if the technician may not watch.
        """
        if self._watch.progress.is_running:
            raise RuntimeError("this console has a watch already")
        return self._watch.updates()

    def watch_clock(self) -> AsyncGenerator[ClockReading | None, None]:
        """Deliver the emulated clock's readings; None when the server is lost. Close the generator."""
        from rescue_client.clock import ClockClient  # only a console that shows the time needs it

        return ClockClient(self.connection).watch()

    async def sign_in(self) -> None:
        """Prove who the technician is. Raises Unauthenticated at once if the secret is wrong."""
        await self.connection.sign_in(deadline=self._deadline, limit=_LIMIT)

    async def wait_for_queue(self) -> None:
        """Return when the watch has delivered the queue. Raises Unavailable after the connection's timeout."""
        progress = self._watch.progress
        try:
            async with asyncio.timeout(self.connection.timeout.total_seconds()):
                await progress.wait_until(lambda: progress.delivered >= 0)
        except TimeoutError:
            raise _not_watching("the server does not send the queue") from None

    async def queue(self) -> QueueListing:
        """Return the queue as the server has it now."""
        request = pb.ListQueueRequest()
        found = await self._call(lambda stub, metadata: stub.ListQueue(request, metadata=metadata))
        entries = tuple(decoding.entry_of(entry, self.technician) for entry in found.entries)
        return QueueListing(revision=found.revision, entries=entries)

    async def directory(self) -> Directory:
        """Return the names that a transfer or an invitation can use."""
        request = pb.GetDirectoryRequest()
        return decoding.directory_of(
            await self._call(lambda stub, metadata: stub.GetDirectory(request, metadata=metadata))
        )

    async def history(self, session: str) -> SessionHistory:
        """Return the past changes and chat of a session in this technician's queue. It is not tried again."""
        from rescue_client.journal import JournalClient  # only a console that shows a history needs it

        return await JournalClient(self.connection).history(session, self.technician)

    async def sync(self) -> Done:
        """Return when the watch has delivered, and its reader has processed, every update up to now."""
        request = pb.SyncQueueRequest(console=self._watch.console)
        progress = self._watch.progress
        if not progress.is_running:
            raise RuntimeError("there is no watch to wait for")
        deadline = self._deadline or self.connection.deadline()
        while True:
            reply, stream = await self._while_watching(
                lambda stub, metadata: stub.SyncQueue(request, metadata=metadata), deadline
            )
            # The bookmark is lost if its stream ends: then call again.
            if await progress.wait_for_revision(reply.revision, history=reply.history, stream=stream):
                return Done(revision=reply.revision)

    async def set_focus(self, on: bool) -> Done:
        """Set whether this console is in focus. Without a running watch the next watch sends it."""
        self._watch.in_focus = on
        progress = self._watch.progress
        if not progress.is_running:
            return Done(revision=max(progress.delivered, 0))
        request = pb.SetFocusRequest(console=self._watch.console, in_focus=on)
        deadline = self._deadline or self.connection.deadline()
        reply, _ = await self._while_watching(
            lambda stub, metadata: stub.SetFocus(request, metadata=metadata), deadline
        )
        return Done(revision=reply.revision)

    async def create_pin(self, customer: str = "", *, fields: Sequence[str] = (), tracking: str = "") -> PinCreated:
        """Create a session and its PIN. `fields` are custom fields 1 to 5; the customer's name is field 0."""
        request = pb.CreatePinRequest(request_id=_fresh_id(), customer=customer, fields=fields, tracking=tracking)
        made = await self._call(lambda stub, metadata: stub.CreatePin(request, metadata=metadata))
        return PinCreated(
            revision=made.revision,
            session=made.session,
            pin=made.pin,
            valid_for=made.valid_for.ToTimedelta(),
        )

    async def start(self, session: str) -> Done:
        """Start, resume, join, pick up or take back a session; the status of the entry decides which."""
        request = pb.StartSessionRequest(request_id=_fresh_id(), session=session)
        return await self._done(lambda stub, metadata: stub.StartSession(request, metadata=metadata))

    async def hold(self, session: str) -> Done:
        """Put a session on hold."""
        request = pb.HoldSessionRequest(request_id=_fresh_id(), session=session)
        return await self._done(lambda stub, metadata: stub.HoldSession(request, metadata=metadata))

    async def end(self, session: str) -> Done:
        """End a session, leave it, or remove it after its end; the status of the entry decides which."""
        request = pb.EndSessionRequest(request_id=_fresh_id(), session=session)
        return await self._done(lambda stub, metadata: stub.EndSession(request, metadata=metadata))

    async def transfer(self, session: str, target: Target, comment: str = "") -> Transferred:
        """Transfer a session to a technician, a technician group or a channel."""
        request = pb.TransferSessionRequest(request_id=_fresh_id(), session=session, comment=comment)
        setattr(request, target.kind.value, target.name)  # the contract's alternatives are named like the kinds
        done = await self._call(lambda stub, metadata: stub.TransferSession(request, metadata=metadata))
        return Transferred(revision=done.revision, incoming=tuple(done.incoming))

    async def invite(self, session: str, technician: str) -> Done:
        """Invite a technician to collaborate."""
        request = pb.InviteTechnicianRequest(request_id=_fresh_id(), session=session, technician=technician)
        return await self._done(lambda stub, metadata: stub.InviteTechnician(request, metadata=metadata))

    async def remove(self, session: str, technician: str) -> Done:
        """Remove an invited or collaborating technician."""
        request = pb.RemoveTechnicianRequest(request_id=_fresh_id(), session=session, technician=technician)
        return await self._done(lambda stub, metadata: stub.RemoveTechnician(request, metadata=metadata))

    async def offer_lead(self, session: str, technician: str) -> Done:
        """Offer the lead to a collaborator."""
        request = pb.OfferLeadRequest(request_id=_fresh_id(), session=session, technician=technician)
        return await self._done(lambda stub, metadata: stub.OfferLead(request, metadata=metadata))

    async def cancel_lead(self, session: str) -> Done:
        """Withdraw the offer of the lead."""
        request = pb.CancelLeadOfferRequest(request_id=_fresh_id(), session=session)
        return await self._done(lambda stub, metadata: stub.CancelLeadOffer(request, metadata=metadata))

    async def accept_lead(self, session: str) -> Done:
        """Accept the offer of the lead."""
        request = pb.AcceptLeadRequest(request_id=_fresh_id(), session=session)
        return await self._done(lambda stub, metadata: stub.AcceptLead(request, metadata=metadata))

    async def reboot(self, session: str) -> Done:
        """Reboot the customer's computer; the status changes when the computer goes down."""
        request = pb.RebootComputerRequest(request_id=_fresh_id(), session=session)
        return await self._done(lambda stub, metadata: stub.RebootComputer(request, metadata=metadata))

    async def chat(self, session: str, text: str) -> Done:
        """Send one line to all participants and the customer."""
        request = pb.SendChatRequest(request_id=_fresh_id(), session=session, text=text)
        return await self._done(lambda stub, metadata: stub.SendChat(request, metadata=metadata))

    async def note(self, session: str, text: str) -> Done:
        """Write a note about the session, of one line; the customer does not see it."""
        request = pb.AddNoteRequest(request_id=_fresh_id(), session=session, text=text)
        return await self._done(lambda stub, metadata: stub.AddNote(request, metadata=metadata))

    async def open_process(self, session: str, process: Process) -> Done:
        """Open a process that prevents the idle time-out."""
        request = pb.OpenProcessRequest(
            request_id=_fresh_id(), session=session, process=decoding.process_number(process)
        )
        return await self._done(lambda stub, metadata: stub.OpenProcess(request, metadata=metadata))

    async def close_process(self, session: str, process: Process) -> Done:
        """Close a process that prevents the idle time-out."""
        request = pb.CloseProcessRequest(
            request_id=_fresh_id(), session=session, process=decoding.process_number(process)
        )
        return await self._done(lambda stub, metadata: stub.CloseProcess(request, metadata=metadata))

    async def _call(
        self,
        method: Callable[[ConsoleServiceAsyncStub, Metadata], Awaitable[Reply]],
        deadline: Deadline | None = None,
    ) -> Reply:
        streams = self._streams

        def call(channel: SignedInChannel, metadata: Metadata) -> Awaitable[Reply]:
            if streams is None:
                return method(channel.stub(console_pb2_grpc.ConsoleServiceStub), metadata)
            return method(streams.stub(channel, metadata), metadata)

        async with streams.room if streams else nullcontext():
            return await self.connection.call_idempotent(call, deadline=deadline or self._deadline, limit=_LIMIT)

    async def _done(self, method: Callable[[ConsoleServiceAsyncStub, Metadata], Awaitable[_HasRevision]]) -> Done:
        return Done(revision=(await self._call(method)).revision)

    async def _while_watching(
        self, method: Callable[[ConsoleServiceAsyncStub, Metadata], Awaitable[Reply]], deadline: Deadline
    ) -> tuple[Reply, int]:
        """Call a method for which the server must know this console's watch.

        Return the reply, and the number of the watch's stream at that time.
        """
        progress = self._watch.progress
        while True:
            try:
                async with asyncio.timeout_at(self.connection.expires_at(deadline)):
                    await progress.wait_until(lambda: progress.is_up or not progress.is_running)
            except TimeoutError:
                raise _not_watching("the server is away") from None
            if not progress.is_up:
                raise _not_watching("the watch was closed")
            stream = progress.streams
            try:
                return await self._call(method, deadline), stream
            except NotFound as unknown:
                # The server restarted, and the watch is about to notice that.
                try:
                    async with asyncio.timeout(_DETECTS_A_RESTART):
                        await progress.wait_until(partial(progress.has_ended, stream))
                except TimeoutError:
                    raise unknown from None


def _fresh_id() -> str:
    return str(uuid.uuid4())


def _not_watching(message: str) -> Unavailable:
    return Unavailable(message, reason="NOT_WATCHING")
