"""The server's journal as a client reads it: each event with its cause and what it changed in whose queue."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc

from rescue_client.caller import Caller
from rescue_common.durations import format_duration
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import Unavailable
from rescue_protos.status_table import REMOVED, REMOVED_TIMED_OUT, labels
from rescue_protos.v1 import common_pb2, journal_pb2, journal_pb2_grpc

if TYPE_CHECKING:
    from rescue_client.channel import Metadata
    from rescue_protos.v1.common_pb2 import Status
    from rescue_protos.v1.journal_pb2_grpc import JournalServiceAsyncStub

_TIMEOUT = 60.0  # real seconds: explaining reads the journal from its beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one technician's queue showed before and after; English names. `previous` and `row` None if it is new."""

    technician: str
    previous: str | None
    status: str
    row: int | None
    heading: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One event. Empty, and None, what there is not.

    `by` is who caused it, `about` whom or what it was done to, `setting` the setting whose period ran out.
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
    changes: tuple[Change, ...]
    body: dict[str, Any]

    def as_json(self) -> dict[str, object]:
        """Return the object of one line of a recorded journal."""
        return {
            "event": "journal",
            "revision": self.revision,
            "at": self.at.isoformat().replace("+00:00", "Z"),
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
    """How a session came to what it shows as of `revision`: the events that changed a queue, and who takes part now."""

    revision: int
    lines: tuple[JournalLine, ...]
    participants: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The next events; nothing is missing up to `through`."""

    lines: tuple[JournalLine, ...]
    through: int


class JournalClient:
    """Reads the journal. Every method raises RescueError."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @property
    def _stub(self) -> JournalServiceAsyncStub:
        return journal_pb2_grpc.JournalServiceStub(self._caller.channel)

    async def explain(self, session: str, technician: str = "") -> Explanation:
        """Return the chain of changes of a session, in one technician's queue or in all."""
        request = journal_pb2.ExplainRequest(session=session, technician=technician)
        found = await self._caller.repeatedly(
            lambda metadata: self._stub.Explain(request, metadata=metadata, timeout=_TIMEOUT)
        )
        return Explanation(
            revision=found.revision,
            lines=_lines(found.events),
            participants={one.technician: _status(one.status) or "" for one in found.participants},
        )

    async def read(self, after: int = 0, *, session: str = "") -> AsyncGenerator[Piece, None]:
        """Deliver what followed a revision up to now; of one session, or of everything that may be seen."""
        request = journal_pb2.ListEventsRequest(after_revision=after, session=session)
        async for piece in self._pieces("ListEvents", request):
            yield piece

    async def follow(self, after: int = 0, *, session: str = "") -> AsyncGenerator[Piece, None]:
        """Deliver what followed a revision, then what happens; never ends, outlasts an absence of the server."""
        while True:
            request = journal_pb2.WatchEventsRequest(after_revision=after, session=session)
            try:
                async for piece in self._pieces("WatchEvents", request):
                    after = max(after, piece.through)
                    yield piece
            except Unavailable:
                # Opening again has the caller's patience, and ends this if it is exhausted.
                await self._caller.repeatedly(_signed_in)

    async def _pieces(self, method: str, request: Any) -> AsyncGenerator[Piece, None]:
        async def opened(metadata: Metadata) -> tuple[Any, Any]:
            call = getattr(self._stub, method)(request, metadata=metadata)
            return call, await call.read()

        call, message = await self._caller.repeatedly(opened)
        try:
            while message is not grpc.aio.EOF:
                yield Piece(lines=_lines(message.events), through=message.through_revision)
                try:
                    message = await call.read()
                except grpc.RpcError as error:
                    raise from_rpc_error(error) from None
        finally:
            call.cancel()


async def _signed_in(metadata: Metadata) -> None:
    """That the server answers is all that was wanted."""


def _lines(events: Iterable[journal_pb2.JournalEvent]) -> tuple[JournalLine, ...]:
    return tuple(_line(event) for event in events)


def _line(event: journal_pb2.JournalEvent) -> JournalLine:
    cause = event.cause
    return JournalLine(
        revision=event.revision,
        at=event.at.ToDatetime(tzinfo=UTC),
        stream=event.stream,
        name=event.name,
        cause=cause.text,
        by=cause.technician,
        about=cause.about,
        setting=cause.setting,
        setting_value=cause.setting_value.ToTimedelta() if cause.HasField("setting_value") else None,
        changes=tuple(
            Change(
                technician=change.technician,
                previous=_status(change.previous),
                status=_status(change.status) or "",
                row=change.row or None,
                heading=change.heading,
            )
            for change in event.changes
        ),
        body=json.loads(event.body),
    )


def _status(value: Status.ValueType) -> str | None:
    return _NAMES[value]


def _names() -> dict[int, str | None]:
    """The published English names by the contract's values, whose names follow from them."""
    published = {name.upper().replace(" ", "_"): name for name in labels("en")}
    published |= {"REMOVED": REMOVED, "REMOVED_TIMED_OUT": REMOVED_TIMED_OUT}
    values = common_pb2.Status.DESCRIPTOR.values
    return {v.number: published.get(v.name.removeprefix("STATUS_")) for v in values}


_NAMES = _names()
