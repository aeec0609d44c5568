"""Which updates the full-screen console announces for a moment, and in which words. Does no I/O."""

from __future__ import annotations

from rescue_client.records import EntryChanged, LeadOfferReceived, ServerBack, UnknownUpdate, Update
from rescue_common.terminal import safe
from rescue_console.labels import UNKNOWN_UPDATE
from rescue_console.tui.texts import Sentences


def announcement(update: Update, wording: Sentences) -> str:
    """Return what is announced of an update; empty if the picture shows enough of it."""
    text = wording.text
    match update:
        case EntryChanged(entry=entry, cause=cause) if entry.status.gone:
            why = wording.labels.cause(cause, cause.text)
            return f"{text('Session')} {entry.session} {text('left the queue')}: {safe(why)}."
        case EntryChanged(entry=entry, previous=None) if entry.introduced_by or entry.channel:
            by = f" ({text('by')} {safe(entry.introduced_by)})" if entry.introduced_by else ""
            status = wording.labels.status(entry.status)
            return f"{text('Session')} {entry.session} {text('new in the queue')}: {status}{by}"
        case LeadOfferReceived(session=session, sender=sender):
            return f"{text('Session')} {session}: {safe(sender)} {text('offers you the lead status')}"
        case UnknownUpdate():
            return text(UNKNOWN_UPDATE)
        case ServerBack():
            return text("The server is back.")
    return ""
