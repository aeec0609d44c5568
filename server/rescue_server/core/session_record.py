"""What is remembered of a session beside its state: who left it and how, and what its time was spent on.

The state says what is; a queue forgets an entry that left it. A list of sessions still names its last technicians. A
record is a pure function of the events: it is stored nowhere, and made again from the journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

import msgspec

from rescue_server.core import events
from rescue_server.core.session import Session
from rescue_server.core.session_accounting import SessionAccount, count
from rescue_server.core.status import Role


class Left(StrEnum):
    """How an entry left its queue; other ways are not remembered."""

    ENDED = "the session ended"
    PICKED_UP = "a transfer that was picked up"
    DISMISSED = "End on an entry that was closed or timed out"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerEntry:
    """An entry that left, or that only shows the end of its session. `role` is the one before."""

    role: Role
    since: datetime
    left: Left


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One session's. `former` by technician; `started_at` is the first Active.

    `transferred_to` is the target of the last transfer, for example "group:Network".
    """

    former: Mapping[str, FormerEntry] = msgspec.field(default_factory=dict)
    started_at: datetime | None = None
    transferred_to: str = ""
    account: SessionAccount = SessionAccount()


def follow(
    record: SessionRecord, before: Session | None, event: events.AnySessionEvent, after: Session
) -> SessionRecord:
    """Return the record after the event."""
    if before is None:
        return record
    account = record.account if before.ended_at is not None else count(record.account, before, event, after)
    former = _former(record.former, before, event, after)
    started_at = record.started_at or (event.at if after.with_role(Role.LEAD) else None)
    target = event.target if isinstance(event, events.SessionTransferred) else record.transferred_to
    if account is record.account and former == record.former:
        return record
    return msgspec.structs.replace(record, former=former, started_at=started_at, transferred_to=target, account=account)


def _former(
    known: Mapping[str, FormerEntry], before: Session, event: events.AnySessionEvent, after: Session
) -> Mapping[str, FormerEntry]:
    if after.ended_at is not None and before.ended_at is None:
        left = {
            name: FormerEntry(role=entry.role, since=event.at, left=Left.ENDED)
            for name, entry in before.entries.items()
        }
        return {**known, **left}
    if isinstance(event, events.EntryDismissed):
        former = known.get(event.technician)
        return known if former is None else {**known, event.technician: replace(former, left=Left.DISMISSED)}
    gone = [name for name in before.entries if name not in after.entries]
    here = {name: former for name, former in known.items() if name not in after.entries}
    if isinstance(event, events.SessionStarted) and before.entries[event.technician].role is Role.INCOMING:
        outgoing = [name for name in gone if before.entries[name].role is Role.OUTGOING]
        picked_up = FormerEntry(role=Role.OUTGOING, since=event.at, left=Left.PICKED_UP)
        return {**here, **dict.fromkeys(outgoing, picked_up)}
    return here if after.ended_at is None else known
