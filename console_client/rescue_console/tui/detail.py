"""The selected session beside the list: who takes part, what happened and why, and the chat."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.widgets import Input, Static

from rescue_client.records import ChatReceived, Entry, StatusChange
from rescue_common.durations import format_elapsed
from rescue_common.terminal import safe
from rescue_console.tui import status_bar
from rescue_console.tui.texts import QUIET, URGENT, Sentences, is_urgent, waited


class LeadOffer(Static):
    """Blinks above the chat while the lead is offered to this technician."""

    def on_click(self) -> None:
        self.app.call_later(self.app.run_action, "app.give('lead accept')")


class Detail(Container):
    """One session in full."""

    def compose(self) -> ComposeResult:
        with Vertical(id="what"):
            yield Static(id="facts")
            yield Static(id="people", classes="part")
            yield Static(id="course", classes="part")
            with VerticalScroll(id="history", classes="part"):
                yield Static(id="changes")
        with Vertical(id="talk"):
            yield LeadOffer(id="offer")
            with VerticalScroll(id="chat", classes="part"):
                yield Static(id="lines")
            yield Input(id="chat-line", max_length=2000)

    def relabel(self, wording: Sentences) -> None:
        """Write the headings in a language."""
        for selector, heading in (("people", "People"), ("course", "Course"), ("history", "History")):
            self.query_one(f"#{selector}").border_title = wording.text(heading)
        self.query_one("#chat").border_title = wording.labels.command("chat")
        self.query_one("#offer", Static).update(Text(f"[a] {wording.labels.command('lead accept')}"))

    def show_entry(self, entry: Entry | None, wording: Sentences, *, offered: bool, can_chat: bool) -> None:
        """Draw what does not depend on the time."""
        self.query_one("#offer").display = offered
        field = self.query_one("#chat-line", Input)
        field.placeholder = wording.text("Say something" if can_chat else "Chat is not possible now")
        people = self.query_one("#people", Static)
        people.update(_people(entry, wording) if entry else "")
        people.display = self.query_one("#course").display = entry is not None

    def show_time(
        self,
        entry: Entry | None,
        changes: Sequence[StatusChange],
        now: datetime | None,
        wording: Sentences,
        *,
        bright: bool,
    ) -> None:
        """Draw what goes on as time does; `bright` is the half of the time in which an offer blinks."""
        self.query_one("#offer").set_class(bright, "-bright")
        facts, course = self.query_one("#facts", Static), self.query_one("#course", Static)
        if entry is None:
            facts.update(Text(f"{wording.text('No session is selected.')} {wording.text('Press n for a new PIN.')}"))
            return
        facts.update(_facts(entry, now, wording))
        if now is not None:
            course.update(status_bar.bar(changes, now, max(course.content_size.width, 10)))

    def show_history(self, changes: Sequence[StatusChange], wording: Sentences) -> None:
        """Draw every change of status, the newest first, and why it happened."""
        shown: list[Text | Padding] = []
        for change in reversed(changes):
            why, row = wording.why(change)
            shown.append(Text(f"{change.at:%H:%M:%S} ", style=QUIET).append_text(wording.route(change)))
            shown.append(Padding(Text(why, style="#d8d8d8"), (0, 0, 0, 2)))
            if row:
                shown.append(Padding(Text(row, style="#a0a8b0"), (0, 0, 0, 2)))
        self.query_one("#changes", Static).update(Group(*shown))
        self.query_one("#history", VerticalScroll).scroll_home(animate=False)

    def show_chat(self, lines: Sequence[ChatReceived], entry: Entry | None, wording: Sentences) -> None:
        """Draw the chat, the newest line last."""
        text, customer = Text(), safe(wording.labels.customer(entry))
        for line in lines:
            text.append(f"{safe(line.sender) or customer}: ", style="bold #56ccf2" if line.sender else "bold #f2c94c")
            text.append(f"{safe(line.text)}\n")
        text.rstrip()
        self.query_one("#lines", Static).update(text or Text(wording.text("No chat lines yet."), style=QUIET))
        self.query_one("#chat", VerticalScroll).scroll_end(animate=False)


def _facts(entry: Entry, now: datetime | None, wording: Sentences) -> Text:
    text = Text(f"{wording.text('Session')} {entry.session}", style="bold")
    if entry.customer:
        text.append(f" · {safe(entry.customer)}")
    text.append("\n").append_text(wording.status(entry.status))
    if now is not None:
        text.append(f"  {format_elapsed(waited(entry, now))}", style="not bold")
        if due := wording.due(entry, now):
            text.append(f"\n{due}", style=URGENT if is_urgent(entry, now) else "not bold")
    more = []
    if entry.pin:
        more.append(f"{wording.text('PIN')} {entry.pin}")
    if entry.channel:
        more.append(f"{wording.text('Channel')} {safe(entry.channel)}")
    if entry.introduced_by:
        more.append(f"{wording.text('by')} {safe(entry.introduced_by)}")
    if entry.processes:
        opened = ", ".join(wording.labels.process(process) for process in entry.processes)
        more.append(f"{wording.text('open')}: {opened}")
    if more:
        text.append("\n" + " · ".join(more), style="not bold #c8c8c8")
    if entry.comment:
        text.append(f"\n“{safe(entry.comment)}”", style="not bold italic #c8c8c8")
    return text


def _people(entry: Entry, wording: Sentences) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=14)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    for who in entry.participants:
        status = wording.status(who.status)
        if who.lead:
            status.append(f" ★ {wording.text('lead')}", style="bold #ffffff")
        if entry.lead_offered_to == who.technician:
            status.append(f" (★ {wording.text('offered')})", style="#ffffff")
        grid.add_row(Text(safe(who.technician), style="bold"), status)
    return grid
