"""Warnings that all consoles share: when a time-out is near, and the question before a session is ended."""

from __future__ import annotations

from datetime import datetime, timedelta

from rescue_client.records import Entry, Status

_SHORTEST_NOTICE = timedelta(seconds=15)
_LONGEST_NOTICE = timedelta(minutes=2)

LEAVE = "Leave the session?"
END_FOR_ALL = "End the session for everybody?"


def urgent_from(entry: Entry) -> datetime | None:
    """Return from when on an entry is shown as about to time out, in emulated time; None if it does not time out.

    That is the last fifth of its period, but at least 15 seconds and at most two minutes.
    """
    if entry.due_at is None:
        return None
    begin = entry.joined_at if entry.status is Status.WAITING and entry.joined_at else entry.since
    period = entry.due_at - (begin or entry.due_at)
    return entry.due_at - min(max(period / 5, _SHORTEST_NOTICE), _LONGEST_NOTICE)


def before_ending(entry: Entry) -> str:
    """Return what is asked before an entry's session is ended, in English; empty if nothing can be lost by it."""
    if entry.status in (Status.CLOSED, Status.TIMED_OUT):
        return ""
    return LEAVE if entry.status is Status.COLLABORATING else END_FOR_ALL
