"""How every console minds its technician, whatever its face: what is asked before something ends. Pure."""

from __future__ import annotations

from rescue_console.records import Entry, Status

LEAVE = "Leave the session?"
END_FOR_ALL = "End the session for everybody?"


def before_ending(entry: Entry) -> str:
    """Return what is asked before an entry's session is ended, in English; empty if nothing can be lost by it."""
    if entry.status in (Status.CLOSED, Status.TIMED_OUT):
        return ""
    return LEAVE if entry.status is Status.COLLABORATING else END_FOR_ALL
