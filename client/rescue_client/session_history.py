"""What happened to a session, and what was said in it, before this console listened: asked of the server's journal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rescue_client import decoding
from rescue_client.records import Change, ChatReceived, Past
from rescue_protos.v1 import journal_pb2, journal_pb2_grpc

if TYPE_CHECKING:
    from rescue_client.channel import Metadata
    from rescue_client.connection import Connection

_TIMEOUT = 20.0  # real seconds: the journal is read from its beginning


async def past_of(session: str, technician: str, connection: Connection) -> Past:
    """Return what a technician's queue showed of a session, and its chat while he was there.

    Empty if the journal knows nothing of it that is his. Raises CallError; it is not tried again.
    """
    request = journal_pb2.ListEventsRequest(session=session)
    async with connection.dialled() as dial:
        stub: journal_pb2_grpc.JournalServiceAsyncStub = journal_pb2_grpc.JournalServiceStub(dial.channel)

        async def read(metadata: Metadata) -> tuple[list[journal_pb2.JournalEvent], int]:
            events: list[journal_pb2.JournalEvent] = []
            through = 0
            async for piece in stub.ListEvents(request, metadata=metadata, timeout=_TIMEOUT):
                events += piece.events
                through = piece.through_revision
            return events, through

        events, through = await dial.signed_in.call(read)
    changes = tuple(
        Change(
            revision=event.revision,
            at=decoding.moment(event.at),
            status=decoding.STATUSES[change.status],
            previous=decoding.STATUSES.get(change.previous),
            row=change.row or None,
            cause=decoding.cause_of(event.cause),
        )
        for event in events
        for change in event.changes
        if change.technician == technician
    )
    chat = tuple(
        ChatReceived(
            revision=event.revision,
            at=decoding.moment(event.at),
            session=session,
            sender=event.cause.technician,
            text=text,
        )
        for event in events
        # The text is withheld of what was said while he had no entry.
        if event.name == "ChatSent" and (text := json.loads(event.body)["text"])
    )
    return Past(revision=through, changes=changes, chat=chat)
