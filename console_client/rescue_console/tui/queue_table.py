"""The list of sessions: one row a session, with columns where there is room and two or three lines where not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.text import Text
from textual.widgets import DataTable

from rescue_client.records import Entry
from rescue_common.durations import format_elapsed
from rescue_common.terminal import safe
from rescue_console.tui.texts import QUIET, URGENT, Sentences, is_urgent, waited

_NARROW = (("No.", 6), ("Status", 26), ("For", 8))
_WIDE = (("No.", 6), ("Status", 27), ("For", 12), ("Customer", 22), ("Lead", 15), ("Comment", 30))


class QueueTable(DataTable[Text]):
    """The queue. The row under the cursor is the session that commands are given to."""

    def __init__(self, **options: Any) -> None:
        super().__init__(cursor_type="row", cell_padding=0, zebra_stripes=False, **options)
        self._shape: tuple[object, ...] = ()
        self._cells: dict[tuple[str, str], Text] = {}

    @property
    def session(self) -> str:
        """The selected session; empty if there is none."""
        if not self.row_count or not self.is_valid_row_index(self.cursor_row):
            return ""
        return str(self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value)

    def select(self, session: str) -> None:
        """Put the cursor on a session, if it is there."""
        if session in self.rows:
            self.move_cursor(row=self.get_row_index(session))

    def show(self, entries: Sequence[Entry], now: datetime | None, wording: Sentences, *, wide: bool) -> None:
        """Draw the entries as of an emulated time. The cursor stays on its session."""
        drawn = {entry.session: _cells(entry, now, wording, wide=wide) for entry in entries}
        heights = tuple((session, 1 + max(cell.plain.count("\n") for cell in row)) for session, row in drawn.items())
        shape = (wide, wording.labels.language, heights)
        if shape != self._shape:
            self._build(shape, drawn, dict(heights), wording, wide=wide)
            return
        columns = [name for name, _ in (_WIDE if wide else _NARROW)]
        for session, row in drawn.items():
            for column, cell in zip(columns, row, strict=True):
                if self._cells.get((session, column)) != cell:
                    self._cells[session, column] = cell
                    self.update_cell(session, column, cell)

    def _build(
        self,
        shape: tuple[object, ...],
        drawn: dict[str, list[Text]],
        heights: dict[str, int],
        wording: Sentences,
        *,
        wide: bool,
    ) -> None:
        selected, at = self.session, self.cursor_row
        self._shape = shape
        self._cells = {}
        self.clear(columns=True)
        columns = _WIDE if wide else _NARROW
        for name, width in columns:
            heading = wording.text(name)
            self.add_column(
                Text(f"{heading:>{width - 1}} " if name == "For" else f"{heading:>5}" if name == "No." else heading),
                key=name,
                width=width,
            )
        for session, row in drawn.items():
            self.add_row(*row, key=session, height=heights[session])
            self._cells |= {(session, name): cell for (name, _), cell in zip(columns, row, strict=True)}
        if selected in drawn:
            self.select(selected)
        elif drawn:
            self.move_cursor(row=min(at, len(drawn) - 1))


def _cells(entry: Entry, now: datetime | None, wording: Sentences, *, wide: bool) -> list[Text]:
    urgent = now is not None and is_urgent(entry, now)
    status = wording.status(entry.status)
    time = Text(format_elapsed(waited(entry, now)) if now else "", style=QUIET)
    if urgent and entry.due_at is not None and now is not None:
        status = Text(f"! {wording.labels.status(entry.status)}", style=URGENT)
        time = Text(f"-{format_elapsed(entry.due_at - now)}", style=URGENT)
    number = Text(f"{entry.session:>5} ", style="bold")
    customer = safe(entry.customer) or (f"{wording.text('PIN')} {entry.pin}" if entry.pin else "")
    comment = safe(entry.comment)
    if wide:
        time.align("right", 11)
        return [number, _cut(status, 26), time, _cut(customer, 21), _cut(entry.lead, 14), _cut(comment, 30)]
    time.align("right", 7)
    who = " · ".join(filter(None, (customer, safe(entry.lead))))
    main = Text().append_text(_cut(status, 25)).append(f"\n{_cut(who, 25).plain}", style="#d0d0d0")
    if comment:
        main.append(f"\n“{_cut(comment, 23).plain}”", style="italic #b0b0b0")
    return [number, main, time]


def _cut(text: str | Text, width: int) -> Text:
    cut = Text(text) if isinstance(text, str) else text.copy()
    cut.truncate(width, overflow="ellipsis")
    return cut
