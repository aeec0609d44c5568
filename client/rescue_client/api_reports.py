"""Decoding of what reports are made of."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from rescue_client.api_records import EndedSession, EntryRole, SessionEnd, TimesSpent, TransferFacts
from rescue_protos.v1 import applet_pb2
from rescue_protos.v1 import public_api_pb2 as pb

_ROLES = {pb.EntryRole.Value(f"ENTRY_ROLE_{role.name}"): role for role in EntryRole}
_ENDS = {applet_pb2.EndReason.Value(f"END_REASON_{end.name}"): end for end in SessionEnd}


def ended_session(message: pb.EndedSession) -> EndedSession:
    """Return the record of a message."""
    return EndedSession(
        id=int(message.session),
        created_at=_moment(message.created_at),
        started_at=_moment(message.started_at) if message.HasField("started_at") else None,
        ended_at=_moment(message.ended_at),
        end=_ENDS[message.end],
        last_role=_ROLES[message.last_role],
        dismissed=message.dismissed,
        joined=message.joined,
        creator=message.creator,
        lead=message.lead,
        channel=message.channel,
        fields=tuple(message.fields),
        tracking=message.tracking,
        address=message.address,
        platform=message.platform,
        last_action_at=_moment(message.last_action_at) if message.HasField("last_action_at") else None,
        tools=tuple(message.tools),
        spent=_spent(message.spent),
        transfers=tuple(_transfer(one) for one in message.transfers),
        chat=message.chat,
        notes=message.notes,
        participants=frozenset(message.participants),
    )


def _spent(message: pb.TimeSpent) -> TimesSpent:
    return TimesSpent(
        connecting=message.connecting.ToTimedelta(),
        waiting=message.waiting.ToTimedelta(),
        active=message.active.ToTimedelta(),
        work=message.work.ToTimedelta(),
        hold=message.hold.ToTimedelta(),
        transfer=message.transfer.ToTimedelta(),
        rebooting=message.rebooting.ToTimedelta(),
        reconnecting=message.reconnecting.ToTimedelta(),
    )


def _transfer(message: pb.TransferFacts) -> TransferFacts:
    return TransferFacts(
        at=_moment(message.at),
        technician=message.technician,
        source=message.source,
        target=message.target,
        comment=message.comment,
        waited=message.waited.ToTimedelta(),
        picked_up_by=message.picked_up_by,
        lasted=message.lasted.ToTimedelta(),
    )


def _moment(message: Timestamp) -> datetime:
    return message.ToDatetime(tzinfo=UTC)
