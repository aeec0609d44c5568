"""A technician's console as a library: every command of the contract as a typed method, and a watch that resumes.

    async with ConsoleClient(address="127.0.0.1:50051", technician="alice", secret="…") as client:
        created = await client.create_pin("Jan")
        async with aclosing(client.watch()) as updates:
            async for update in updates:
                ...

Every command carries a random request id. While the server is away it waits and tries again with the same id,
so that it is carried out once, up to 30 real seconds; then it raises Unavailable. All methods raise the
RescueError classes of `rescue_protos.errors` and return `records`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from rescue_client import decoding
from rescue_client.channel import Metadata
from rescue_client.connection import Connection, Locate, asked_at, given_at
from rescue_client.records import (
    Directory,
    Done,
    Past,
    PinCreated,
    Process,
    QueueListing,
    Target,
    Transferred,
    Update,
)
from rescue_client.watch import Watch
from rescue_protos.errors import NotFound, Unavailable
from rescue_protos.v1 import console_pb2 as pb

if TYPE_CHECKING:
    from rescue_client.clock_stream import ClockReading
    from rescue_protos.v1.console_pb2_grpc import ConsoleServiceAsyncStub

PATIENCE = timedelta(seconds=30)
"""How long a command waits for a server that is away, in real time."""

_NOTICES_A_RESTART = 5.0

Reply = TypeVar("Reply")


class _HasRevision(Protocol):
    @property
    def revision(self) -> int: ...


class ConsoleClient:
    """One console of one technician. At most one `watch` at a time; commands may run side by side.

    `locate` is asked after each failure where the server is now and what the secret is; without it both stay.
    """

    def __init__(
        self,
        *,
        address: str,
        technician: str,
        secret: str,
        locate: Locate | None = None,
        in_focus: bool = True,
        patience: timedelta = PATIENCE,
    ) -> None:
        self.technician = technician
        self._console = str(uuid.uuid4())
        self._in_focus = in_focus
        self._patience = patience
        self._connection = Connection(
            technician=technician, address=address, secret=secret, locate=locate, patience=patience
        )
        self._watch = Watch(self._connection, console=self._console, focus=lambda: self._in_focus)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.close()

    def watch(self) -> AsyncGenerator[Update, None]:
        """Deliver the queue and all that happens to it, across connections; an async generator, so close it.

        Called again after it was closed, it goes on after the last update delivered. Raises Unauthenticated or
        NotAllowed if the technician may not watch.
        """
        if self._watch.progress.running:
            raise RuntimeError("this console is being watched already")
        return self._watch.updates()

    def clock(self) -> AsyncGenerator[ClockReading | None, None]:
        """Deliver what the emulated clock shows, as it changes; None when the server is lost. Close it, too."""
        from rescue_client.clock_stream import follow  # only a console that shows the time needs it

        return follow(self._connection)

    async def sign_in(self) -> None:
        """Prove who this is. Raises Unauthenticated at once if the secret is wrong."""
        await self._connection.call(lambda _stub, _metadata: _nothing())

    async def listed(self) -> None:
        """Return once the watch has delivered the queue. Raises Unavailable if it takes too long."""
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                await self._watch.progress.until(lambda: self._watch.progress.delivered >= 0)
        except TimeoutError:
            raise _unwatched("the server does not tell what is in the queue") from None

    async def queue(self) -> QueueListing:
        """Return the queue as the server has it now."""
        request = pb.ListQueueRequest()
        found = await self._call(lambda stub, metadata: stub.ListQueue(request, metadata=metadata))
        return QueueListing(revision=found.revision, entries=tuple(decoding.entry_of(entry) for entry in found.entries))

    async def directory(self) -> Directory:
        """Return who and what can be named in a transfer or an invitation."""
        request = pb.GetDirectoryRequest()
        return decoding.directory_of(
            await self._call(lambda stub, metadata: stub.GetDirectory(request, metadata=metadata))
        )

    async def past(self, session: str) -> Past:
        """Return what this technician has seen and read of a session, from the journal. Not tried again."""
        from rescue_client.session_history import past_of  # only a console that shows a history needs it

        return await past_of(session, self.technician, self._connection)

    async def sync(self) -> Done:
        """Return once the watch has delivered, and its reader is done with, every update up to now."""
        request = pb.SyncQueueRequest(console=self._console)
        progress = self._watch.progress
        if not progress.running:
            raise RuntimeError("there is no watch to wait for")
        with given_at(asked_at()):
            while True:
                revision, stretch = await self._while_watching(
                    lambda stub, metadata: stub.SyncQueue(request, metadata=metadata)
                )
                # The bookmark is lost with its stream: then ask again.
                if await progress.seen(revision, stretch=stretch):
                    return Done(revision=revision)

    async def set_focus(self, on: bool) -> Done:
        """Say whether this console is in focus. Without a watch it is only noted, for the watch to come."""
        self._in_focus = on
        if not self._watch.progress.running:
            return Done(revision=max(self._watch.progress.delivered, 0))
        request = pb.SetFocusRequest(console=self._console, in_focus=on)
        with given_at(asked_at()):
            revision, _ = await self._while_watching(lambda stub, metadata: stub.SetFocus(request, metadata=metadata))
        return Done(revision=revision)

    async def create_pin(self, customer: str = "") -> PinCreated:
        """Create a session and its PIN."""
        request = pb.CreatePinRequest(request_id=_fresh_id(), customer=customer)
        made = await self._call(lambda stub, metadata: stub.CreatePin(request, metadata=metadata))
        return PinCreated(
            revision=made.revision,
            session=made.session,
            pin=made.pin,
            valid_for=made.valid_for.ToTimedelta(),
        )

    async def start(self, session: str) -> Done:
        """Start, resume, join, pick up or take back a session, as its status allows."""
        request = pb.StartSessionRequest(request_id=_fresh_id(), session=session)
        return await self._done(lambda stub, metadata: stub.StartSession(request, metadata=metadata))

    async def hold(self, session: str) -> Done:
        """Put a session on hold."""
        request = pb.HoldSessionRequest(request_id=_fresh_id(), session=session)
        return await self._done(lambda stub, metadata: stub.HoldSession(request, metadata=metadata))

    async def end(self, session: str) -> Done:
        """End a session, leave it, or remove one that has ended, as its status allows."""
        request = pb.EndSessionRequest(request_id=_fresh_id(), session=session)
        return await self._done(lambda stub, metadata: stub.EndSession(request, metadata=metadata))

    async def transfer(self, session: str, target: Target, comment: str = "") -> Transferred:
        """Transfer a session to a technician, a technician group or a channel."""
        request = pb.TransferSessionRequest(request_id=_fresh_id(), session=session, comment=comment)
        setattr(request, target.kind.value, target.name)  # the contract's alternatives are called as the kinds
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
        """Take the offer of the lead back."""
        request = pb.CancelLeadOfferRequest(request_id=_fresh_id(), session=session)
        return await self._done(lambda stub, metadata: stub.CancelLeadOffer(request, metadata=metadata))

    async def accept_lead(self, session: str) -> Done:
        """Accept the lead that was offered."""
        request = pb.AcceptLeadRequest(request_id=_fresh_id(), session=session)
        return await self._done(lambda stub, metadata: stub.AcceptLead(request, metadata=metadata))

    async def reboot(self, session: str) -> Done:
        """Order the customer's computer to reboot; the status changes when it goes down."""
        request = pb.RebootComputerRequest(request_id=_fresh_id(), session=session)
        return await self._done(lambda stub, metadata: stub.RebootComputer(request, metadata=metadata))

    async def chat(self, session: str, text: str) -> Done:
        """Say one line to all participants and the customer."""
        request = pb.SendChatRequest(request_id=_fresh_id(), session=session, text=text)
        return await self._done(lambda stub, metadata: stub.SendChat(request, metadata=metadata))

    async def open_process(self, session: str, process: Process) -> Done:
        """Open a process that prevents the idle time-out."""
        request = pb.OpenProcessRequest(
            request_id=_fresh_id(), session=session, process=decoding.process_number(process)
        )
        return await self._done(lambda stub, metadata: stub.OpenProcess(request, metadata=metadata))

    async def close_process(self, session: str, process: Process) -> Done:
        """Close such a process."""
        request = pb.CloseProcessRequest(
            request_id=_fresh_id(), session=session, process=decoding.process_number(process)
        )
        return await self._done(lambda stub, metadata: stub.CloseProcess(request, metadata=metadata))

    async def _call(self, method: Callable[[ConsoleServiceAsyncStub, Metadata], Awaitable[Reply]]) -> Reply:
        return await self._connection.call(method)

    async def _done(self, method: Callable[[ConsoleServiceAsyncStub, Metadata], Awaitable[_HasRevision]]) -> Done:
        return Done(revision=(await self._call(method)).revision)

    async def _while_watching(
        self, method: Callable[[ConsoleServiceAsyncStub, Metadata], Awaitable[_HasRevision]]
    ) -> tuple[int, int]:
        """Call what needs the server to know this console's watch; return the revision and the watch's stretch."""
        progress = self._watch.progress
        while True:
            give_up = self._connection.patience().give_up
            try:
                async with asyncio.timeout_at(give_up):
                    await progress.until(lambda: progress.up or not progress.running)
            except TimeoutError:
                raise _unwatched("the server is away") from None
            if not progress.up:
                raise _unwatched("the watch was closed")
            stretch = progress.stretch
            try:
                return (await self._call(method)).revision, stretch
            except NotFound as unknown:
                # The server restarted under the watch, which is about to notice.
                try:
                    async with asyncio.timeout(_NOTICES_A_RESTART):
                        await progress.until(partial(progress.is_over, stretch))
                except TimeoutError:
                    raise unknown from None


def _fresh_id() -> str:
    return str(uuid.uuid4())


def _unwatched(message: str) -> Unavailable:
    return Unavailable(message, reason="NOT_WATCHING")


async def _nothing() -> None:
    return None
