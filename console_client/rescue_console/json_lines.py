"""The shape of every line that the scripted console prints. Pure.

Statuses are the published English names whatever the language, `label` is in the chosen one. Times are emulated,
ISO 8601 in UTC with six decimals, so that they sort as text. Users' scripts read these lines: add to them freely,
change none silently.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from rescue_client.queue_view import QueueView
from rescue_client.records import (
    CUSTOMER,
    Answer,
    Bookmark,
    ChatReceived,
    Done,
    Entry,
    EntryChanged,
    EntryDetails,
    IdleAlarm,
    LeadOfferReceived,
    PinCreated,
    QueueListing,
    ServerBack,
    ServerLost,
    Snapshot,
    Transferred,
    UnknownUpdate,
    Update,
)
from rescue_common.emulated_time import format_timestamp
from rescue_console.commands import BadLine
from rescue_console.labels import Labels
from rescue_protos.errors import RescueError

Line = dict[str, object]

LISTED = "in the queue when it was listed"
"""The cause of a snapshot's lines."""


def encode(line: Mapping[str, object]) -> str:
    """Return the line as it is printed: ASCII without control characters, whatever people call themselves."""
    return json.dumps(line).replace("\x7f", "\\u007f") + "\n"


def reply(number: int, answer: Answer, labels: Labels) -> Line:
    """Return the reply to a command that was executed."""
    line: Line = {"reply": number, "ok": True}
    match answer:
        case PinCreated():
            line |= {
                "session": answer.session,
                "pin": answer.pin,
                "valid_for": answer.valid_for.total_seconds(),
            }
        case Transferred():
            line |= {"incoming": list(answer.incoming)}
        case QueueListing():
            line |= {"entries": entry_lines(answer.entries, labels)}
        case Done():
            pass
    return line | {"revision": answer.revision}


def entry_lines(entries: Iterable[Entry], labels: Labels) -> list[Line]:
    """Return entries of a queue as the reply to `queue` lists them."""
    return [_whole(entry, labels) for entry in entries]


def refusal(number: int, error: RescueError) -> Line:
    """Return the reply to a command that was refused: why, and what is possible instead."""
    line: Line = {"reply": number, "ok": False, **_failure(error)}
    if error.allowed:
        line["possible"] = list(error.allowed)
    if error.fields:
        line["fields"] = dict(error.fields)
    return line


def bad_line(number: int, error: BadLine) -> Line:
    """Return the reply to a line that is no command: what is wrong, and how it is written."""
    line: Line = {
        "reply": number,
        "ok": False,
        "code": "INVALID_ARGUMENT",
        "reason": "BAD_LINE",
        "message": str(error),
    }
    return line | ({"usage": error.usage} if error.usage else {})


def failure(code: str, message: str) -> Line:
    """Return the line of a console that cannot run."""
    return {"event": "error", "code": code, "message": message}


def update_lines(update: Update, before: QueueView, labels: Labels) -> Iterator[Line]:
    """Yield the lines of an update for a reader who has seen `before`."""
    match update:
        case Snapshot():
            for entry in update.entries:
                yield _listed(entry, update, labels)
            yield {"event": "snapshot-end", "revision": update.revision, "compacted": update.compacted}
        case EntryChanged():
            yield _changed(update, labels)
        case EntryDetails(entry=entry):
            known = before.entries.get(entry.session)
            if known is None or _details(known) != _details(entry):
                yield (
                    {"event": "details", "session": entry.session}
                    | _details(entry)
                    | {"cause": update.cause.text}
                    | _stamp(update.revision, update.at)
                )
        case ChatReceived():
            yield {
                "event": "chat",
                "session": update.session,
                "from": update.sender or CUSTOMER,
                "role": "technician" if update.sender else CUSTOMER,
                "text": update.text,
            } | _stamp(update.revision, update.at)
        case IdleAlarm():
            yield {
                "event": "alarm",
                "session": update.session,
                "due_at": _time(update.due_at),
                "cause": update.cause.text,
            } | _stamp(update.revision, update.at)
        case LeadOfferReceived():
            yield {
                "event": "lead-offer",
                "session": update.session,
                "from": update.sender,
                "cause": update.cause.text,
            } | _stamp(update.revision, update.at)
        case UnknownUpdate():
            yield {"event": "unknown", "cause": update.cause.text} | _stamp(update.revision, update.at)
        case ServerLost(reason=reason):
            yield {"event": "server", "state": "lost", "message": reason}
        case ServerBack():
            yield {"event": "server", "state": "back"}
        case Bookmark():
            pass


def _changed(update: EntryChanged, labels: Labels) -> Line:
    entry = update.entry
    return {
        "event": "entry",
        "session": entry.session,
        "status": entry.status.value,
        "previous": update.previous.value if update.previous else None,
        "row": update.row,
        "cause": update.cause.text,
        "label": labels.status(entry.status),
        "customer": entry.customer,
        "possible": list(entry.allowed),
    } | _stamp(update.revision, update.at)


def _listed(entry: Entry, snapshot: Snapshot, labels: Labels) -> Line:
    return {
        "event": "entry",
        "snapshot": True,
        "session": entry.session,
        "status": entry.status.value,
        "previous": None,
        "row": None,
        "cause": LISTED,
        "label": labels.status(entry.status),
        "customer": entry.customer,
        "possible": list(entry.allowed),
    } | _stamp(snapshot.revision, entry.since or snapshot.at)


def _details(entry: Entry) -> Line:
    return {
        "possible": list(entry.allowed),
        "processes": [process.value for process in entry.processes],
        "comment": entry.comment,
        "lead_offered_to": entry.lead_offered_to,
    }


def _whole(entry: Entry, labels: Labels) -> Line:
    return {
        "session": entry.session,
        "status": entry.status.value,
        "label": labels.status(entry.status),
        "customer": entry.customer,
        "channel": entry.channel,
        "pin": entry.pin,
        "lead": entry.lead,
        "participants": [
            {"technician": who.technician, "status": who.status.value, "lead": who.lead} for who in entry.participants
        ],
        "introduced_by": entry.introduced_by,
        **_details(entry),
        "created_at": _time(entry.created_at),
        "since": _time(entry.since),
        "joined_at": _time(entry.joined_at),
        "due_at": _time(entry.due_at),
        "due_by": entry.due_by,
    }


def _failure(error: RescueError) -> Line:
    return {"code": error.code, "reason": error.reason, "message": str(error)}


def _stamp(revision: int, at: datetime) -> Line:
    return {"revision": revision, "at": _time(at)}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_timestamp(moment, timespec="microseconds")
