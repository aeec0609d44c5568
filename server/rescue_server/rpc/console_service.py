"""The technician's side of the contract."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from typing import Any

from rescue_common.background_tasks import BackgroundTasks
from rescue_protos.errors import STORAGE_ERRORS, InvalidArgument, ReplicaBehind, RescueError, ShuttingDown
from rescue_protos.v1 import console_pb2 as pb
from rescue_protos.v1 import console_pb2_grpc
from rescue_server.core import commands
from rescue_server.core.tenants import visible_to
from rescue_server.rpc import queue_messages, translate
from rescue_server.rpc.call_context import CallContext
from rescue_server.rpc.command_stream import CommandStreams
from rescue_server.rpc.delta_messages import DeltaMessages
from rescue_server.rpc.guard import caller
from rescue_server.rpc.method_wrapping import WrapMethod
from rescue_server.rpc.sources import address_of, peer_of
from rescue_server.runtime import command_handlers
from rescue_server.runtime.console_presences import ConsolePresences
from rescue_server.runtime.credentials import new_pin
from rescue_server.runtime.engine import Answer, Engine, Handler
from rescue_server.runtime.limits import LIMITS, Limits
from rescue_server.runtime.presence import Presence
from rescue_server.runtime.refused_commands import Refused, RefusedCommands
from rescue_server.runtime.watch import Watcher

BOOKMARK_EVERY = 10.0  # real seconds of an idle watch
BEHIND_AT_MOST = 5.0  # real seconds for a revision that another server has already
CONSOLE_ID_LENGTH = 64


class ConsoleService(console_pb2_grpc.ConsoleServiceServicer):
    """Watches and commands of the technician who signed in.

    `wrappers` go around the methods of commands that come by a stream.
    """

    def __init__(
        self,
        engine: Engine,
        presence: Presence,
        refused: RefusedCommands,
        limits: Limits = LIMITS,
        presences: ConsolePresences | None = None,
        wrappers: Sequence[WrapMethod] = (),
    ) -> None:
        self._engine = engine
        self._presences = presences or ConsolePresences(engine)
        self._refused = refused
        self._presence = presence
        self._limits = limits
        self._tasks = BackgroundTasks()
        self._messages = DeltaMessages()
        self._draining = False
        most = limits.commands_under_way_per_stream
        self._command_streams = CommandStreams(self, wrappers, most_under_way=most)

    def drain(self) -> None:
        """End every watch and command stream: the server shuts down."""
        self._draining = True
        self._command_streams.drain()
        for watcher in self._engine.watch.watchers:
            watcher.news.set()

    async def WatchQueue(  # type: ignore[override]  # a coroutine that writes to the context costs less per update
        self, request: pb.WatchQueueRequest, context: CallContext
    ) -> None:
        technician, console = caller().name, _console_id(request.console)
        watch = self._engine.watch
        resumes = request.HasField("after_revision") and request.history == self._engine.history
        if resumes and not await watch.reach(request.after_revision, timeout=BEHIND_AT_MOST):
            # A snapshot would show the console less than it has seen at another server.
            raise ReplicaBehind.of(request.after_revision, reached=watch.revision)
        watcher = watch.open(technician, console)
        idle = _IdleTimer(watcher)
        try:
            with contextlib.suppress(*STORAGE_ERRORS):  # reading goes on while nothing can be stored
                await self._presence.set(technician, watcher, request.in_focus)
                await self._presences.note(technician, address_of(peer_of(context)))
            if not request.HasField("after_revision"):
                watcher.after, message = await queue_messages.snapshot(self._engine, technician)
                await context.write(message)
            elif not resumes:
                # A revision of another history says nothing about what its console has seen of this one.
                oldest = self._engine.published.revision
                await context.write(pb.WatchQueueResponse(compacted=pb.Compacted(oldest_revision=oldest)))
                watcher.after, message = await queue_messages.snapshot(self._engine, technician)
                await context.write(message)
            else:
                watcher.after = request.after_revision
            watcher.want_bookmark()
            while True:
                await watcher.news.take()
                if self._draining:
                    break
                idle.not_now()
                taken = watch.take(watcher)
                if taken is None:
                    oldest = watch.oldest_resumable(technician)
                    await context.write(pb.WatchQueueResponse(compacted=pb.Compacted(oldest_revision=oldest)))
                    watcher.after, message = await queue_messages.snapshot(self._engine, technician)
                    await context.write(message)
                elif taken:
                    await context.write(self._messages.of(taken))
                    if watcher.bookmark_wanted:
                        watcher.news.set()
                elif watcher.bookmark_wanted:
                    watcher.bookmark_wanted = False
                    await context.write(pb.WatchQueueResponse(bookmark=pb.Bookmark(revision=watcher.after)))
                watch.delivered(watcher)
            raise ShuttingDown.of()
        finally:
            idle.cancel()
            watch.close(watcher)
            self._tasks.start(self._leave(technician, watcher))

    async def _leave(self, technician: str, watcher: Watcher) -> None:
        await self._presence.leave(technician, watcher)
        if not self._draining:  # consoles that leave while the server stops come back
            with contextlib.suppress(*STORAGE_ERRORS):
                await self._presences.note(technician)

    async def ListQueue(self, request: pb.ListQueueRequest, context: CallContext) -> pb.ListQueueResponse:
        return await queue_messages.listing(self._engine, caller().name)

    async def SyncQueue(self, request: pb.SyncQueueRequest, context: CallContext) -> pb.SyncQueueResponse:
        self._engine.watch.want_bookmarks(caller().name, _console_id(request.console))
        return pb.SyncQueueResponse(revision=self._engine.published.revision, history=self._engine.history)

    async def SetFocus(self, request: pb.SetFocusRequest, context: CallContext) -> pb.SetFocusResponse:
        technician, console = caller().name, _console_id(request.console)
        mine = [watcher for watcher in self._engine.watch.watchers_of(technician) if watcher.console == console]
        for watcher in mine:
            await self._presence.set(technician, watcher, request.in_focus)
        return pb.SetFocusResponse(revision=self._engine.published.revision)

    async def GetDirectory(self, request: pb.GetDirectoryRequest, context: CallContext) -> pb.GetDirectoryResponse:
        organization = visible_to(self._engine.published.organization, caller().name)
        answer = pb.GetDirectoryResponse(groups=organization.groups, channels=sorted(organization.channels))
        for name in sorted(organization.technicians):
            connected = self._engine.watch.connected(name)
            answer.technicians.add(name=name, group=organization.technicians[name], connected=connected)
        return answer

    async def CreatePin(self, request: pb.CreatePinRequest, context: CallContext) -> pb.CreatePinResponse:
        answer = await self._perform(
            request,
            command_handlers.create_pin(
                caller().name,
                request.customer,
                new_pin,
                self._limits,
                fields=tuple(request.fields),
                tracking=request.tracking,
            ),
        )
        valid_for = translate.duration(answer.valid_for)
        return pb.CreatePinResponse(
            revision=answer.revision, session=answer.session, pin=answer.pin, valid_for=valid_for
        )

    async def StartSession(self, request: pb.StartSessionRequest, context: CallContext) -> pb.StartSessionResponse:
        answer = await self._command(request, commands.StartSession(technician=caller().name, session=request.session))
        return pb.StartSessionResponse(revision=answer.revision)

    async def HoldSession(self, request: pb.HoldSessionRequest, context: CallContext) -> pb.HoldSessionResponse:
        answer = await self._command(request, commands.HoldSession(technician=caller().name, session=request.session))
        return pb.HoldSessionResponse(revision=answer.revision)

    async def TransferSession(
        self, request: pb.TransferSessionRequest, context: CallContext
    ) -> pb.TransferSessionResponse:
        kind = request.WhichOneof("target")
        if kind is None:
            raise InvalidArgument.of("target", "name a technician, a technician group or a channel")
        command = commands.TransferSession(
            technician=caller().name,
            session=request.session,
            target=f"{kind}:{getattr(request, kind)}",
            comment=request.comment,
        )
        answer = await self._command(request, command)
        return pb.TransferSessionResponse(revision=answer.revision, incoming=answer.technicians)

    async def InviteTechnician(
        self, request: pb.InviteTechnicianRequest, context: CallContext
    ) -> pb.InviteTechnicianResponse:
        command = commands.InviteTechnician(
            technician=caller().name, session=request.session, invited=request.technician
        )
        return pb.InviteTechnicianResponse(revision=(await self._command(request, command)).revision)

    async def RemoveTechnician(
        self, request: pb.RemoveTechnicianRequest, context: CallContext
    ) -> pb.RemoveTechnicianResponse:
        command = commands.RemoveTechnician(
            technician=caller().name, session=request.session, removed=request.technician
        )
        return pb.RemoveTechnicianResponse(revision=(await self._command(request, command)).revision)

    async def OfferLead(self, request: pb.OfferLeadRequest, context: CallContext) -> pb.OfferLeadResponse:
        command = commands.OfferLead(technician=caller().name, session=request.session, to=request.technician)
        return pb.OfferLeadResponse(revision=(await self._command(request, command)).revision)

    async def CancelLeadOffer(
        self, request: pb.CancelLeadOfferRequest, context: CallContext
    ) -> pb.CancelLeadOfferResponse:
        command = commands.CancelLeadOffer(technician=caller().name, session=request.session)
        return pb.CancelLeadOfferResponse(revision=(await self._command(request, command)).revision)

    async def AcceptLead(self, request: pb.AcceptLeadRequest, context: CallContext) -> pb.AcceptLeadResponse:
        command = commands.AcceptLead(technician=caller().name, session=request.session)
        return pb.AcceptLeadResponse(revision=(await self._command(request, command)).revision)

    async def RebootComputer(
        self, request: pb.RebootComputerRequest, context: CallContext
    ) -> pb.RebootComputerResponse:
        command = commands.RebootComputer(technician=caller().name, session=request.session, order=secrets.token_hex(8))
        return pb.RebootComputerResponse(revision=(await self._command(request, command)).revision)

    async def SendChat(self, request: pb.SendChatRequest, context: CallContext) -> pb.SendChatResponse:
        command = commands.SendChatLine(technician=caller().name, session=request.session, text=request.text)
        handler = command_handlers.limit_chat(command_handlers.command(command), self._engine.chats, self._limits)
        return pb.SendChatResponse(revision=(await self._perform(request, handler)).revision)

    async def AddNote(self, request: pb.AddNoteRequest, context: CallContext) -> pb.AddNoteResponse:
        command = commands.AddNote(technician=caller().name, session=request.session, text=request.text)
        return pb.AddNoteResponse(revision=(await self._command(request, command)).revision)

    async def OpenProcess(self, request: pb.OpenProcessRequest, context: CallContext) -> pb.OpenProcessResponse:
        process = translate.process_of(request.process)
        command = commands.OpenProcess(technician=caller().name, session=request.session, process=process)
        return pb.OpenProcessResponse(revision=(await self._command(request, command)).revision)

    async def CloseProcess(self, request: pb.CloseProcessRequest, context: CallContext) -> pb.CloseProcessResponse:
        process = translate.process_of(request.process)
        command = commands.CloseProcess(technician=caller().name, session=request.session, process=process)
        return pb.CloseProcessResponse(revision=(await self._command(request, command)).revision)

    async def EndSession(self, request: pb.EndSessionRequest, context: CallContext) -> pb.EndSessionResponse:
        command = commands.EndSession(technician=caller().name, session=request.session)
        return pb.EndSessionResponse(revision=(await self._command(request, command)).revision)

    async def SendCommands(  # type: ignore[override]  # a coroutine that writes to the context
        self, request_iterator: object, context: CallContext
    ) -> None:
        await self._command_streams.serve(context)

    async def _command(self, request: Any, command: commands.AnyCommand) -> Answer:
        return await self._perform(request, command_handlers.command(command))

    async def _perform(self, request: Any, handler: Handler) -> Answer:
        user = caller()
        if user.acts_for:
            handler = command_handlers.done_by(handler, user.acts_for)
        try:
            return await self._engine.perform(handler, translate.request_of(user.name, request))
        except RescueError as error:
            if self._refused.is_followed:
                self._refused.publish(self._refused_command(user.name, request, error))
            raise

    def _refused_command(self, technician: str, request: Any, error: RescueError) -> Refused:
        return Refused(
            at=self._engine.clock.now(),
            technician=technician,
            session=getattr(request, "session", ""),
            method=type(request).__name__.removesuffix("Request"),
            reason=error.reason,
            message=str(error),
        )


class _IdleTimer:
    """Requests a bookmark for a watch that has been idle for a while.

    It is armed once in that while: to arm it anew at each update would cost more than the update.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._loop = asyncio.get_running_loop()
        self._active_at = self._loop.time()
        self._timer = self._loop.call_later(BOOKMARK_EVERY, self._look)

    def not_now(self) -> None:
        """The watch is not idle."""
        self._active_at = self._loop.time()

    def cancel(self) -> None:
        """Request nothing any more."""
        self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        if now - self._active_at >= BOOKMARK_EVERY:
            self._watcher.want_bookmark()
            self._active_at = now
        self._timer = self._loop.call_at(self._active_at + BOOKMARK_EVERY, self._look)


def _console_id(given: str) -> str:
    if not given or len(given) > CONSOLE_ID_LENGTH:
        raise InvalidArgument.of("console", f"a random id of 1 to {CONSOLE_ID_LENGTH} characters is needed")
    return given
