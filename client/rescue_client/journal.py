"""The server's journal: each event with its cause, and what it changed in which technician's queue."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rescue_client.connection import NO_WAIT, Connection
from rescue_client.deadlines import Deadline
from rescue_client.decoding import moment, previous_status_of, status_of
from rescue_client.records import Cause, ChatReceived, SessionHistory, Status, StatusChange
from rescue_client.service import ServiceClient
from rescue_common.durations import format_duration
from rescue_common.emulated_time import format_timestamp
from rescue_protos.errors import Unavailable
from rescue_protos.v1 import journal_pb2, journal_pb2_grpc

if TYPE_CHECKING:
    from rescue_protos.v1.journal_pb2_grpc import JournalServiceAsyncStub

_TIMEOUT = 60.0  # real seconds: a session can have many events, and readers take turns


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueChange:
    """What one technician's queue showed before and after. `previous` and `row` are None for a new entry."""

    technician: str
    previous: Status | None
    status: Status
    row: int | None
    heading: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One event. Texts are empty, and other fields None, if they do not apply.

    `by` is the technician who caused it, `about` is its target, `setting` is the setting whose period ended.
    """

    revision: int
    at: datetime
    stream: str
    name: str
    cause: str
    by: str
    about: str
    setting: str
    setting_value: timedelta | None
    code: str
    facts: Mapping[str, str]
    changes: tuple[QueueChange, ...]
    body: dict[str, Any]

    def as_json(self) -> dict[str, object]:
        """Return the object of one line of a recorded journal."""
        return {
            "event": "journal",
            "revision": self.revision,
            "at": format_timestamp(self.at),
            "stream": self.stream,
            "name": self.name,
            "cause": self.cause,
            "by": self.by or None,
            "setting": self.setting or None,
            "setting_value": None if self.setting_value is None else format_duration(self.setting_value),
            "changes": [
                {
                    "technician": change.technician,
                    "previous": change.previous,
                    "status": change.status,
                    "row": change.row,
                    "heading": change.heading or None,
                }
                for change in self.changes
            ],
            "body": self.body,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a session has its status as of `revision`: the events that changed a queue, and the technicians in it now."""

    revision: int
    lines: tuple[JournalLine, ...]
    participants: dict[str, Status]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPiece:
    """The next events. They are complete up to the revision `through`."""

    lines: tuple[JournalLine, ...]
    through: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCommand:
    """A technician's command that was refused. `method` is its name in the contract: "HoldSession"."""

    at: datetime
    technician: str
    session: str
    method: str
    reason: str
    message: str


class JournalClient:
    """Reads the journal. Every method raises RescueError."""

    def __init__(self, connection: Connection) -> None:
        self._service: ServiceClient[JournalServiceAsyncStub] = ServiceClient(
            connection, journal_pb2_grpc.JournalServiceStub, timeout=_TIMEOUT
        )

    async def explain(self, session: str, technician: str = "") -> Explanation:
        """Return the chain of changes of a session, in one technician's queue or in all."""
        request = journal_pb2.ExplainRequest(session=session, technician=technician)
        found = await self._service.call_idempotent(lambda stub: stub.Explain, request)
        return Explanation(
            revision=found.revision,
            lines=_lines(found.events),
            participants={one.technician: status_of(one.status) for one in found.participants},
        )

    async def read(
        self, after: int = 0, *, session: str = "", deadline: Deadline | None = None
    ) -> AsyncGenerator[JournalPiece, None]:
        """Deliver the events after a revision up to now: of one session, or all that the user may see."""
        request = journal_pb2.ListEventsRequest(after_revision=after, session=session)
        async with aclosing(self._service.stream(lambda stub: stub.ListEvents, request, deadline=deadline)) as messages:
            async for message in messages:
                yield _piece(message)

    async def watch(self, after: int = 0, *, session: str = "") -> AsyncGenerator[JournalPiece, None]:
        """Deliver the events after a revision, then each new event, also after the server was away. It never ends.

        Raises HistoryChanged if a backup was restored meanwhile.
        """
        history = ""
        while True:
            request = journal_pb2.WatchEventsRequest(after_revision=after, session=session, history=history)
            is_open = False
            try:
                async with aclosing(self._service.stream(lambda stub: stub.WatchEvents, request)) as messages:
                    async for message in messages:
                        is_open = True
                        history = message.history or history
                        after = max(after, message.through_revision)
                        yield _piece(message)
            except Unavailable:
                # To open the stream was tried until the connection's timeout.
                if not is_open:
                    raise

    async def watch_refused_commands(self, technician: str = "") -> AsyncGenerator[tuple[RefusedCommand, ...], None]:
        """Deliver the refused commands of a technician, or of all, from now on; first of all none.

        Only for administrators. It ends when the server goes away; what is refused meanwhile is missed.
        """
        request = journal_pb2.WatchRefusedCommandsRequest(technician=technician)
        async with aclosing(self._service.stream(lambda stub: stub.WatchRefusedCommands, request)) as messages:
            async for message in messages:
                yield tuple(_refused_command(one) for one in message.commands)

    async def history(self, session: str, technician: str) -> SessionHistory:
        """Return what a technician's queue showed of a session, and the chat while the technician took part.

        Both are empty if the technician never had the session. It is not tried again.
        """
        lines: list[JournalLine] = []
        through = 0
        async with aclosing(self.read(session=session, deadline=Deadline.after(NO_WAIT))) as pieces:
            async for piece in pieces:
                lines += piece.lines
                through = piece.through
        return SessionHistory(
            revision=through,
            changes=tuple(
                StatusChange(
                    revision=line.revision,
                    at=line.at,
                    status=change.status,
                    previous=change.previous,
                    row=change.row,
                    cause=_cause(line),
                )
                for line in lines
                for change in line.changes
                if change.technician == technician
            ),
            chat=tuple(
                ChatReceived(revision=line.revision, at=line.at, session=session, sender=line.by, text=text)
                for line in lines
                # The server leaves out the text of lines from times when the technician had no entry.
                if line.name == "ChatSent" and (text := line.body["text"])
            ),
        )


def _refused_command(message: journal_pb2.RefusedCommand) -> RefusedCommand:
    return RefusedCommand(
        at=moment(message.at),
        technician=message.technician,
        session=message.session,
        method=message.method,
        reason=message.reason,
        message=message.message,
    )


def _piece(message: journal_pb2.ListEventsResponse | journal_pb2.WatchEventsResponse) -> JournalPiece:
    return JournalPiece(lines=_lines(message.events), through=message.through_revision)


def _cause(line: JournalLine) -> Cause:
    return Cause(
        text=line.cause,
        event=line.name,
        technician=line.by,
        about=line.about,
        setting=line.setting,
        setting_value=line.setting_value,
        code=line.code,
        facts=line.facts,
    )


def _lines(events: Iterable[journal_pb2.JournalEvent]) -> tuple[JournalLine, ...]:
    return tuple(_line(event) for event in events)


def _line(event: journal_pb2.JournalEvent) -> JournalLine:
    cause = event.cause
    return JournalLine(
        revision=event.revision,
        at=moment(event.at),
        stream=event.stream,
        name=event.name,
        cause=cause.text,
        by=cause.technician,
        about=cause.about,
        setting=cause.setting,
        setting_value=cause.setting_value.ToTimedelta() if cause.HasField("setting_value") else None,
        code=cause.code,
        facts=dict(cause.facts),
        changes=tuple(
            QueueChange(
                technician=change.technician,
                previous=previous_status_of(change.previous),
                status=status_of(change.status),
                row=change.row or None,
                heading=change.heading,
            )
            for change in event.changes
        ),
        body=json.loads(event.body or "{}"),
    )
