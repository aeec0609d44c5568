"""What a technician's console prints, as typed records.

The records of the client library are used as they are. This module reads them from the console's JSON lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rescue_client.records import Entry, Participant, PinCreated, Process, Status
from rescue_emulator.world.people import AccountNames

_PLAIN = AccountNames()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedSession(PinCreated):
    """A new session and its PIN. It can be unpacked as a pair: `session, pin = await alice.pin()`."""

    def __iter__(self) -> Iterator[str]:
        return iter((self.session, self.pin))

    @classmethod
    def read(cls, reply: Mapping[str, Any]) -> CreatedSession:
        """Read it from the console's reply to `pin`."""
        return cls(
            session=reply["session"],
            pin=reply["pin"],
            valid_for=timedelta(seconds=reply["valid_for"]),
            revision=reply["revision"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusUpdate:
    """One change of status that a console showed.

    `label` is the status in the console's language. `previous` and `row` are None for a new entry. `at` is emulated
    time (UTC).
    """

    status: Status
    previous: Status | None
    row: int | None
    cause: str
    label: str
    revision: int
    at: datetime

    @classmethod
    def read(cls, event: Mapping[str, Any], names: AccountNames = _PLAIN) -> StatusUpdate:
        """Read it from a console's `entry` line, in a test's own names."""
        return cls(
            status=Status(event["status"]),
            previous=None if event["previous"] is None else Status(event["previous"]),
            row=event["row"],
            cause=names.plain_text(event["cause"]),
            label=event["label"],
            revision=event["revision"],
            at=datetime.fromisoformat(event["at"]),
        )

    def __str__(self) -> str:
        row = "new" if self.row is None else f"row {self.row}"
        at = f"{self.at:%H:%M:%S}"
        return f"{at} #{self.revision} {self.previous or '-'} -> {self.status} ({row}: {self.cause})"


def read_entry(line: Mapping[str, Any], names: AccountNames = _PLAIN) -> Entry:
    """Read an entry of the queue from the console's reply to `queue`, in a test's own names."""
    return Entry(
        session=line["session"],
        status=Status(line["status"]),
        customer=line["customer"],
        channel=names.plain(line["channel"]),
        pin=line["pin"],
        created_at=_read_time(line["created_at"]),
        since=_read_time(line["since"]),
        joined_at=_read_time(line["joined_at"]),
        participants=tuple(
            Participant(technician=names.plain(one["technician"]), status=Status(one["status"]), lead=one["lead"])
            for one in line["participants"]
        ),
        comment=line["comment"],
        introduced_by=names.plain(line["introduced_by"]),
        lead_offered_to=names.plain(line["lead_offered_to"]),
        processes=tuple(map(Process, line["processes"])),
        allowed=tuple(line["possible"]),
        due_at=_read_time(line["due_at"]),
        due_by=line["due_by"],
    )


def read_status(label: str) -> Status:
    """Return the status with this English label. Raises ValueError that lists all labels."""
    try:
        return Status(label)
    except ValueError:
        raise ValueError(f"{label!r} is no status (possible: {', '.join(Status)})") from None


def _read_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
