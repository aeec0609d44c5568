"""Decode the contract's messages to `records`.

A newer server may send values and kinds of messages that this client does not know: they become `UNKNOWN`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from rescue_client.records import (
    Bookmark,
    Cause,
    ChatReceived,
    Colleague,
    Delta,
    Directory,
    Entry,
    EntryChanged,
    EntryDetails,
    IdleAlarm,
    LeadOfferReceived,
    Participant,
    Process,
    Snapshot,
    Status,
    UnknownUpdate,
)
from rescue_protos.v1 import common_pb2, console_pb2

# The contract's constants have the names of `records`, with a prefix.
_STATUSES = {number: Status[name.removeprefix("STATUS_")] for name, number in common_pb2.Status.items() if number}
_PROCESSES = {number: Process[name.removeprefix("PROCESS_")] for name, number in common_pb2.Process.items() if number}
_GONE = (Status.REMOVED, Status.REMOVED_TIMED_OUT)
_PROCESS_NUMBERS = {process: number for number, process in _PROCESSES.items()}


def process_number(process: Process) -> common_pb2.Process.ValueType:
    """Return the number of a process in the contract."""
    return _PROCESS_NUMBERS[process]


def status_of(number: common_pb2.Status.ValueType) -> Status:
    """Decode a status."""
    return _STATUSES.get(number, Status.UNKNOWN)


def previous_status_of(number: common_pb2.Status.ValueType) -> Status | None:
    """Decode the status before a change; None if there was none."""
    return status_of(number) if number else None


def entry_of(message: common_pb2.QueueEntry, technician: str) -> Entry:
    """Decode one entry of this technician's queue."""
    return Entry(
        session=message.session,
        status=status_of(message.status),
        customer=message.customer,
        channel=message.channel,
        pin=message.pin,
        created_at=_time(message, "created_at"),
        since=_time(message, "since"),
        joined_at=_time(message, "joined_at"),
        participants=_participants_of(message, technician),
        comment=message.comment,
        introduced_by=message.introduced_by,
        lead_offered_to=message.lead_offered_to,
        processes=tuple(_PROCESSES.get(number, Process.UNKNOWN) for number in message.processes),
        allowed=tuple(message.allowed),
        due_at=_time(message, "due_at"),
        due_by=message.due_by,
    )


def _participants_of(message: common_pb2.QueueEntry, technician: str) -> tuple[Participant, ...]:
    """Decode who takes part. To a technician who waits the server does not name themselves; here they are added."""
    named = [
        Participant(technician=who.technician, status=status_of(who.status), lead=who.lead)
        for who in message.participants
    ]
    status = status_of(message.status)
    if status not in _GONE and all(who.technician != technician for who in named):
        named.append(Participant(technician=technician, status=status))
    return tuple(sorted(named, key=lambda who: who.technician))


def cause_of(message: common_pb2.Cause) -> Cause:
    """Decode a cause."""
    return Cause(
        text=message.text,
        event=message.event,
        technician=message.technician,
        about=message.about,
        code=message.code,
        facts=dict(message.facts),
        setting=message.setting,
        setting_value=message.setting_value.ToTimedelta() if message.HasField("setting_value") else None,
    )


def directory_of(message: console_pb2.GetDirectoryResponse) -> Directory:
    """Decode the names of a directory."""
    return Directory(
        technicians=tuple(
            Colleague(name=who.name, group=who.group, connected=who.connected) for who in message.technicians
        ),
        groups=tuple(message.groups),
        channels=tuple(message.channels),
    )


def updates_of(message: console_pb2.WatchQueueResponse, technician: str) -> Iterator[Snapshot | Delta | Bookmark]:
    """Decode the updates of one message of a technician's watch; `compacted`, and one of an unknown kind, has none."""
    what = message.WhichOneof("message")
    if what == "snapshot":
        found = message.snapshot
        entries = tuple(entry_of(entry, technician) for entry in found.entries)
        yield Snapshot(revision=found.revision, at=moment(found.at), entries=entries, history=found.history)
    elif what == "bookmark":
        yield Bookmark(revision=message.bookmark.revision)
    else:
        for delta in [message.delta] if what == "delta" else message.deltas.deltas:
            yield _delta_of(delta, technician)


def moment(stamp: Timestamp) -> datetime:
    """Decode a moment, in UTC."""
    return stamp.ToDatetime(tzinfo=UTC)


def _delta_of(message: console_pb2.QueueDelta, technician: str) -> Delta:
    revision, at, cause = message.revision, moment(message.at), cause_of(message.cause)
    match message.WhichOneof("what"):
        case "status":
            change = message.status
            return EntryChanged(
                revision=revision,
                at=at,
                cause=cause,
                entry=entry_of(change.entry, technician),
                previous=previous_status_of(change.previous),
                row=change.row or None,
            )
        case "entry":
            return EntryDetails(revision=revision, at=at, cause=cause, entry=entry_of(message.entry, technician))
        case "chat":
            chat = message.chat
            return ChatReceived(
                revision=revision,
                at=at,
                session=chat.session,
                sender=getattr(chat.line, "from"),
                text=chat.line.text,
                entry=entry_of(chat.entry, technician) if chat.HasField("entry") else None,
            )
        case "alarm":
            alarm = message.alarm
            return IdleAlarm(revision=revision, at=at, cause=cause, session=alarm.session, due_at=moment(alarm.due_at))
        case "lead_offer":
            offer = message.lead_offer
            return LeadOfferReceived(
                revision=revision,
                at=at,
                cause=cause,
                session=offer.session,
                sender=getattr(offer, "from"),
                entry=entry_of(offer.entry, technician) if offer.HasField("entry") else None,
            )
        case _:
            return UnknownUpdate(revision=revision, at=at, cause=cause)


def _time(message: common_pb2.QueueEntry, field: str) -> datetime | None:
    return moment(getattr(message, field)) if message.HasField(field) else None  # type: ignore[arg-type]
