"""The texts of the full-screen console: signs, colours, times, and why something happened. Does no I/O.

Each status has a sign beside its colour, so that it is readable without colours.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from rich.text import Text

from rescue_client.records import Entry, Status, StatusChange
from rescue_common.durations import format_duration, format_elapsed
from rescue_common.terminal import safe
from rescue_console.labels import Labels
from rescue_console.urgency import urgent_from

SIGNS = {
    Status.CONNECTING: "·",
    Status.WAITING: "○",
    Status.ACTIVE: "●",
    Status.ON_HOLD: "‖",
    Status.RECONNECTING: "≈",
    Status.OFFLINE: "×",
    Status.INCOMING: "←",
    Status.OUTGOING: "→",
    Status.INVITATION: "?",
    Status.COLLABORATING: "+",
    Status.REBOOTING: "↻",
    Status.CLOSED: "■",
    Status.TIMED_OUT: "□",
    Status.REMOVED: "-",
    Status.REMOVED_TIMED_OUT: "-",
    Status.UNKNOWN: "◇",
}
STYLES = {
    Status.CONNECTING: "#7fb2d9",
    Status.WAITING: "bold #f2c94c",
    Status.ACTIVE: "#6fcf97",
    Status.ON_HOLD: "#f2994a",
    Status.RECONNECTING: "#d58cf0",
    Status.OFFLINE: "bold #ff7b72",
    Status.INCOMING: "bold #56ccf2",
    Status.OUTGOING: "#56ccf2",
    Status.INVITATION: "bold #f2c94c",
    Status.COLLABORATING: "#a8e05f",
    Status.REBOOTING: "#d58cf0",
    Status.CLOSED: "#a0a0a0",
    Status.TIMED_OUT: "#c9a0a0",
    Status.REMOVED: "#a0a0a0",
    Status.REMOVED_TIMED_OUT: "#c9a0a0",
    Status.UNKNOWN: "#c8c8c8",
}
URGENT = "bold #ffffff on #b3261e"
QUIET = "#9a9a9a"


class Sentences:
    """One language's sentences."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.text = labels.text

    def status(self, status: Status) -> Text:
        """Return a status with its sign and colour."""
        return Text(f"{SIGNS[status]} {self.labels.status(status)}", style=STYLES[status])

    def route(self, change: StatusChange) -> Text:
        """Return from which status to which."""
        text = Text()
        if change.previous is not None:
            text.append_text(self.status(change.previous)).append(" ⇒ ", style=QUIET)
        return text.append_text(self.status(change.status))

    def why(self, change: StatusChange) -> tuple[str, str]:
        """Return why it happened, with the setting that decided; and the row of the published table in own words."""
        if change.cause is None:
            return self.text("found when the queue was listed"), ""
        cause = change.cause
        sentence = safe(self.labels.cause(cause, cause.text))
        if cause.setting and cause.setting_value is not None:
            sentence += f" ({self.labels.setting(cause.setting)}: {format_duration(cause.setting_value)})"
        if change.row is None:
            return sentence, ""
        return sentence, f"{self.text('row')} {change.row}: {self.labels.row(change.row)}"

    def due(self, entry: Entry, now: datetime) -> str:
        """Return what the entry's next time-out is and how long it takes until then; empty if there is none."""
        if entry.due_at is None:
            return ""
        left = format_elapsed(entry.due_at - now)
        return f"{self.labels.setting(entry.due_by)}: {self.text('in')} {left}" if entry.due_by else left

    def commands(self, names: tuple[str, ...]) -> str:
        """Return commands by what they are called."""
        return ", ".join(self.labels.command(name) for name in names)

    def impossible(self, name: str, entry: Entry) -> str:
        """Return why a command is not possible for an entry now."""
        where = f"{self.text('Session')} {entry.session}: {self.labels.status(entry.status)}."
        reason = f"{self.labels.command(name)}: {self.labels.needs(name)}."
        instead = self.commands(entry.allowed) or self.text("nothing")
        return f"{where} {reason} {self.text('Possible now')}: {instead}."


def waited(entry: Entry, now: datetime) -> timedelta:
    """Return for how long the entry has had its status."""
    return now - entry.since if entry.since else timedelta(0)


def is_urgent(entry: Entry, now: datetime) -> bool:
    """Return whether the entry is about to time out."""
    begins = urgent_from(entry)
    return begins is not None and now >= begins
