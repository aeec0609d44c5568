"""What was said and noted in a session, as the public API and its posts write it. Made from the session's events.

One line each, in UTC: `h:mm AM NAME: text`, and lines of the system without a name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from rescue_server.core import events
from rescue_server.core.session import Session, apply
from rescue_server.core.status import Link

UNNAMED = "Customer"
"""Stands for a customer who gave no name."""

_DISCONNECTED = "Disconnected (Applet)"


@dataclass(slots=True)
class SessionTranscript:
    """One session's. It is given the session's events from the first one on, in order.

    `participants` are all technicians who ever had an entry.
    """

    participants: set[str] = field(default_factory=set)
    _session: Session | None = None
    _lines: list[tuple[int, str]] = field(default_factory=list)
    _notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, stored: Iterable[tuple[int, events.AnySessionEvent]]) -> SessionTranscript:
        """Return the log of events with their revisions. Raises UnknownSession."""
        log = cls()
        for revision, event in stored:
            log.add(revision, event)
        return log

    def add(self, revision: int, event: events.AnySessionEvent) -> None:
        """Add the next event."""
        before, after = self._session, apply(self._session, event)
        self._session = after
        self.participants.update(after.entries)
        if isinstance(event, events.NoteAdded):
            self._notes.append(event.text)
        elif line := _line(before, event, after):
            self._lines.append((revision, f"{_clock(event.at)} {line}\n"))

    def chat(self, *, after: int = 0) -> str:
        """Return the lines of the events after a revision, each ended by a line break."""
        return "".join(line for revision, line in self._lines if revision > after)

    def notes(self) -> str:
        """Return the technicians' notes, one a line."""
        return "\n".join(self._notes)


def _line(before: Session | None, event: events.AnySessionEvent, after: Session) -> str:
    computer = f"{after.computer.platform} computer ({after.computer.address})"
    match event:
        case events.ChatSent():
            return f"{event.technician or after.customer or UNNAMED}: {event.text}"
        case events.PinRedeemed():
            return f"Connecting to: {computer}"
        case events.SessionCreated() if after.is_redeemed:
            return f"Connecting to: {computer}"
        case events.AppletJoined() | events.LinkRestored():
            return f"Connected to: {computer}"
        case events.LinkLost() | events.RebootBegan():
            return _DISCONNECTED
        case events.AppletClosed() | events.TermsDeclined():
            return "The customer ended the session."
        case events.SessionEnded():
            return "The technician ended the session."
        case events.ConnectingTimedOut() | events.WaitingTimedOut() | events.IdleTimedOut():
            was_connected = before is not None and before.link is Link.CONNECTED
            return _DISCONNECTED if after.ended_at is not None and was_connected else ""
    return ""


def _clock(at: datetime) -> str:
    return f"{at.hour % 12 or 12}:{at.minute:02} {'AM' if at.hour < 12 else 'PM'}"
