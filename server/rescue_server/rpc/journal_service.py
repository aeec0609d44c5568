"""The journal's side of the contract: what happened, and why queues show what they show.

Administrators read everything. A technician reads what concerns sessions in which they have or had an entry.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

from rescue_protos.errors import HistoryChanged, NotFound, ShuttingDown
from rescue_protos.status_table import read_rows
from rescue_protos.v1 import journal_pb2 as pb
from rescue_protos.v1 import journal_pb2_grpc
from rescue_server.core.status import LEADS, Status
from rescue_server.rpc import translate
from rescue_server.rpc.call_context import CallContext
from rescue_server.rpc.guard import caller
from rescue_server.runtime.credentials import Principal
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.journal import Journal, Line, shown_body
from rescue_server.runtime.refused_commands import Refused, RefusedCommands

MOST_BYTES = 256 * 1024  # of event bodies in one message; a single event may be longer


class JournalService(journal_pb2_grpc.JournalServiceServicer):
    """Reads; changes nothing."""

    def __init__(self, engine: Engine, journal: Journal, refused: RefusedCommands) -> None:
        self._engine = engine
        self._journal = journal
        self._refused = refused

    def drain(self) -> None:
        """End every follower: the server shuts down."""
        self._journal.drain()
        self._refused.drain()

    async def ListEvents(
        self, request: pb.ListEventsRequest, context: CallContext
    ) -> AsyncIterator[pb.ListEventsResponse]:
        user, history = caller(), self._require_history(request)
        async for piece in self._journal.read(request.after_revision, user=user.name, session=request.session):
            for events in _messages(piece.lines, user):
                yield pb.ListEventsResponse(events=events, through_revision=events[-1].revision, history=history)
            yield pb.ListEventsResponse(through_revision=piece.through, history=history)

    async def WatchEvents(
        self, request: pb.WatchEventsRequest, context: CallContext
    ) -> AsyncIterator[pb.WatchEventsResponse]:
        user, history = caller(), self._require_history(request)
        async for piece in self._journal.follow(request.after_revision, user=user.name, session=request.session):
            for events in _messages(piece.lines, user):
                yield pb.WatchEventsResponse(events=events, through_revision=events[-1].revision, history=history)
            yield pb.WatchEventsResponse(through_revision=piece.through, history=history)
        raise ShuttingDown.of()

    async def WatchRefusedCommands(
        self, request: pb.WatchRefusedCommandsRequest, context: CallContext
    ) -> AsyncIterator[pb.WatchRefusedCommandsResponse]:
        is_first = True
        async for some in self._refused.follow():
            found = [_refused_command(one) for one in some if request.technician in ("", one.technician)]
            if found or is_first:
                yield pb.WatchRefusedCommandsResponse(commands=found)
            is_first = False
        raise ShuttingDown.of()

    def _require_history(self, request: pb.ListEventsRequest | pb.WatchEventsRequest) -> str:
        """Return the history of this server. Raises HistoryChanged if the request goes on in another one."""
        if request.after_revision and request.history not in ("", self._engine.history):
            raise HistoryChanged(
                "a backup was restored since: the journal has another history now; read it from the beginning",
                metadata={"history": self._engine.history},
            )
        return self._engine.history

    async def Explain(self, request: pb.ExplainRequest, context: CallContext) -> pb.ExplainResponse:
        user, state = caller(), self._engine.published
        session = state.sessions.get(request.session)
        unknown = NotFound.of("session", request.session, "it never was, it is not yours, or it is forgotten by now")
        if session is None:
            raise unknown
        answer = pb.ExplainResponse(revision=state.revision)
        known: frozenset[str] = frozenset()
        async for piece in self._journal.read(0, user=user.name, session=request.session):
            for line in piece.lines:
                known |= line.explained.known
                changes = tuple(c for c in line.explained.changes if request.technician in ("", c.technician))
                if changes:
                    answer.events.append(
                        _message(replace(line, explained=replace(line.explained, changes=changes)), user)
                    )
        if not user.administrator and user.name not in known:
            raise unknown
        if request.technician and request.technician not in known:
            raise NotFound.of("technician", request.technician, f"session {session.id} never was in such a queue")
        for name in sorted(session.entries):
            status = session.status_for(name) or Status.REMOVED
            lead = session.entries[name].role in LEADS
            answer.participants.add(technician=name, status=translate.status(status), lead=lead)
        return answer


def _refused_command(refusal: Refused) -> pb.RefusedCommand:
    return pb.RefusedCommand(
        at=translate.timestamp(refusal.at),
        technician=refusal.technician,
        session=refusal.session,
        method=refusal.method,
        reason=refusal.reason,
        message=refusal.message,
    )


def _messages(lines: Iterable[Line], user: Principal) -> Iterable[list[pb.JournalEvent]]:
    """Yield the lines that the user may read, in portions that fit into a message."""
    portion: list[pb.JournalEvent] = []
    size = 0
    for line in lines:
        if not user.administrator and user.name not in line.explained.known:
            continue
        message = _message(line, user)
        if portion and size + len(message.body) > MOST_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(message)
        size += len(message.body)
    if portion:
        yield portion


def _message(line: Line, user: Principal) -> pb.JournalEvent:
    stored, explained = line.stored, line.explained
    message = pb.JournalEvent(
        revision=stored.revision,
        at=translate.timestamp(stored.at),
        stream=stored.stream,
        name=explained.cause.event,
        body=shown_body(line, None if user.administrator else user.name).decode(),
        cause=translate.cause(explained.cause),
    )
    for change in explained.changes:
        message.changes.add(
            technician=change.technician,
            previous=translate.status(change.previous),
            status=translate.status(change.status),
            row=change.row,
            heading=heading(change.row),
        )
    return message


def heading(row: int) -> str:
    """Return the article's heading of a row; empty for 0, a new entry."""
    return read_rows()[row - 1].heading if row else ""
