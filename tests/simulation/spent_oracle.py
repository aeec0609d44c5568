"""What the time of a session was spent on, added up anew from what the queues show between the events of a journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from rescue_server.core.events import AnySessionEvent
from rescue_server.core.session import Session, apply
from rescue_server.core.session_record import SessionRecord, follow
from rescue_server.core.status import Status

_SHOWN = (
    (Status.CONNECTING, "connecting"),
    (Status.REBOOTING, "rebooting"),
    (Status.RECONNECTING, "reconnecting"),
    (Status.OFFLINE, "reconnecting"),
    (Status.ACTIVE, "active"),
    (Status.OUTGOING, "transfer"),
    (Status.ON_HOLD, "hold"),
    (Status.INCOMING, "transfer"),
    (Status.WAITING, "waiting"),
)
"""The first status that any queue shows tells what the time goes to."""


def check_spent(journal: Sequence[AnySessionEvent]) -> None:
    """The figures of the record are those of the journal, and each moment of the session counts once."""
    expected: Counter[str] = Counter()
    session: Session | None = None
    record = SessionRecord()
    for event, later in pairwise((*journal, journal[-1])):
        before, session = session, apply(session, event)
        record = follow(record, before, event, session)
        if session.ended_at is None:
            shown = {session.status_for(name) for name in session.entries}
            spent_on = next(name for status, name in _SHOWN if status in shown)
            expected[spent_on] += (later.at - event.at) // timedelta(microseconds=1)
    assert session is not None
    spent = record.account.spent
    for name in {name for _, name in _SHOWN}:
        assert getattr(spent, name) // timedelta(microseconds=1) == expected[name], name
    over = session.ended_at or journal[-1].at
    assert spent.connecting + spent.waiting + spent.total == over - session.created_at
    assert spent.work <= spent.active
