"""What happened to a session before this console listened, asked of the server's journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rescue_console import wire
from rescue_console.records import Change, Past
from rescue_protos.v1 import journal_pb2, journal_pb2_grpc

if TYPE_CHECKING:
    from rescue_console.connection import Connection

_TIMEOUT = 20.0  # real seconds: the journal is read from its beginning


async def past_of(session: str, technician: str, connection: Connection) -> Past:
    """Return every change that a technician's queue showed of a session. Raises CallError; it is not tried again."""
    request = journal_pb2.ExplainRequest(session=session, technician=technician)
    async with connection.dialled() as dial:
        stub: journal_pb2_grpc.JournalServiceAsyncStub = journal_pb2_grpc.JournalServiceStub(dial.channel)
        found = await dial.signed_in.call(lambda metadata: stub.Explain(request, metadata=metadata, timeout=_TIMEOUT))
    changes = tuple(
        Change(
            revision=event.revision,
            at=wire.moment(event.at),
            status=wire.STATUSES[change.status],
            previous=wire.STATUSES.get(change.previous),
            row=change.row or None,
            cause=wire.cause_of(event.cause),
        )
        for event in found.events
        for change in event.changes
        if change.technician == technician
    )
    return Past(revision=found.revision, changes=changes)
