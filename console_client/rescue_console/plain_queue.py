"""The queue as the plain console prints it: a table of all sessions, or only the rows that changed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from rescue_client.queue_view import QueueView
from rescue_client.records import Entry, Status
from rescue_common.terminal import safe
from rescue_console.labels import Labels

_STYLES = {
    Status.ACTIVE: "green",
    Status.COLLABORATING: "green",
    Status.WAITING: "bold yellow",
    Status.INCOMING: "bold yellow",
    Status.INVITATION: "bold yellow",
    Status.ON_HOLD: "yellow",
    Status.RECONNECTING: "magenta",
    Status.REBOOTING: "magenta",
    Status.OFFLINE: "red",
    Status.CLOSED: "dim",
    Status.TIMED_OUT: "dim red",
}
Row = tuple[str, ...]


class QueueRows:
    """The rows of one technician's queue in one language."""

    def __init__(self, technician: str, labels: Labels) -> None:
        self._technician = technician
        self._labels = labels
        self._printed: dict[str, Row] = {}

    def whole(self, entries: Sequence[Entry], view: QueueView) -> Table | Text:
        """Return the table of all entries."""
        text = self._labels.text
        self._printed = {entry.session: self._row(entry, view) for entry in entries}
        if not entries:
            return Text(text("The queue is empty."), style="dim")
        table = Table(title=f"{text('Queue')}: {escape(safe(self._technician))}", title_justify="left")
        for heading in ("Session", "Status", "Customer", "Lead", "Since", "Possible now"):
            table.add_column(text(heading))
        self._add_rows(table, entries)
        return table

    def changed(self, view: QueueView) -> Table | None:
        """Return the rows that are not as they were printed last; None if there are none."""
        rows = {entry.session: self._row(entry, view) for entry in view.in_order()}
        others = [entry for entry in view.in_order() if rows[entry.session] != self._printed.get(entry.session)]
        self._printed = rows
        if not others:
            return None
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        self._add_rows(table, others)
        return table

    def commands(self, names: Sequence[str]) -> str:
        """Return commands by what they are called, with what is typed for them."""
        return ", ".join(f"{self._labels.command(name)} [{name}]" for name in names)

    def _add_rows(self, table: Table, entries: Sequence[Entry]) -> None:
        for entry in entries:
            session, status, *rest = self._printed[entry.session]
            table.add_row(Text(session), Text(status, style=_STYLES.get(entry.status, "")), *map(Text, rest))

    def _row(self, entry: Entry, view: QueueView) -> Row:
        return (
            entry.session,
            self._labels.status(entry.status),
            self._customer(entry, view),
            safe(entry.lead),
            f"{entry.since:%H:%M:%S}" if entry.since else "",
            self.commands(entry.allowed),
        )

    def _customer(self, entry: Entry, view: QueueView) -> str:
        text = self._labels.text
        lines = [safe(entry.customer)] if entry.customer else []
        if entry.pin:
            lines.append(f"{text('PIN')} {entry.pin}")
        if entry.comment:
            lines.append(f"{text('comment')}: {safe(entry.comment)}")
        if entry.processes:
            opened = ", ".join(self._labels.process(process) for process in entry.processes)
            lines.append(f"{text('open')}: {opened}")
        if view.lead_is_offered(entry.session):
            lines.append(self._labels.command("lead accept"))
        return "\n".join(lines)
