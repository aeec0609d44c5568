"""The dialogs: a new PIN, a question, help."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Digits, Input, Static

from rescue_client.records import Entry, PinCreated, Status
from rescue_common.durations import format_elapsed
from rescue_console.tui.texts import Sentences
from rescue_console.tui.toolbar import KEYS

_ESCAPE: list[BindingType] = [Binding("escape", "back", show=False, priority=True)]


class Confirm(ModalScreen[bool]):
    """A question that Enter answers with yes and Escape with no."""

    BINDINGS: ClassVar[list[BindingType]] = [*_ESCAPE, Binding("enter", "yes", show=False)]

    def __init__(self, title: str, question: str, wording: Sentences) -> None:
        super().__init__()
        self._title, self._question, self._wording = title, question, wording

    def compose(self) -> ComposeResult:
        text = self._wording.text
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield Static(Text(self._question))
            yield Static(Text(f"{text('Enter: yes')}   {text('Esc: back')}"), classes="hint")

    def action_yes(self) -> None:
        self.dismiss(True)

    def action_back(self) -> None:
        self.dismiss(False)


class NewNote(ModalScreen[str]):
    """Ask for a note about a session; empty if one goes back."""

    BINDINGS: ClassVar[list[BindingType]] = _ESCAPE

    def __init__(self, title: str, wording: Sentences) -> None:
        super().__init__()
        self._title, self._wording = title, wording

    def compose(self) -> ComposeResult:
        text = self._wording.text
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            yield Input(placeholder=text("A note that the customer does not see"), id="note", max_length=2000)
            yield Static(Text(f"{text('Enter: write')}   {text('Esc: back')}"), classes="hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())

    def action_back(self) -> None:
        self.dismiss("")


class NewPin(ModalScreen[str | None]):
    """Ask for the customer's name, create the session, and show its PIN large until it is used.

    `create` creates it, or returns None if that was refused; `entry` and `now` are asked while it is shown. A command's
    key closes the dialog and is its result.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*_ESCAPE, Binding("enter", "back", show=False)]

    def __init__(
        self,
        wording: Sentences,
        *,
        create: Callable[[str], Awaitable[PinCreated | None]],
        entry: Callable[[str], Entry | None],
        now: Callable[[], datetime | None],
    ) -> None:
        super().__init__()
        self._wording, self._create, self._entry, self._now = wording, create, entry, now
        self._made: PinCreated | None = None
        self._until: datetime | None = None
        self._listed = False

    def compose(self) -> ComposeResult:
        text = self._wording.text
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._wording.labels.command("pin")
            yield Input(placeholder=text("Name of the customer (may be empty)"), id="customer", max_length=200)
            yield Static(id="pin-line")
            yield Digits(id="pin")
            yield Static(id="validity")
            yield Static(Text(f"{text('Enter: create')}   {text('Esc: back')}"), id="hint", classes="hint")

    def on_mount(self) -> None:
        self.query_one("#pin").display = False
        self.set_interval(0.5, self._show)

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        event.input.disabled = True  # Enter twice makes one session
        made = await self._create(event.value.strip())
        if made is None:
            self.dismiss(None)
            return
        now = self._now()
        self._made, self._until = made, now + made.valid_for if now else None
        event.input.display = False
        text = self._wording.text
        session = f"{text('Session')} {made.session}"
        self.query_one("#pin-line", Static).update(
            Text(f"{text('Tell the customer this PIN')} ({session}): {made.pin}")
        )
        pin = self.query_one("#pin", Digits)
        pin.display = True
        pin.update(made.pin)
        self.query_one("#hint", Static).update(Text(text("Esc: back")))
        self._show()

    def on_key(self, event: events.Key) -> None:
        """Leave the PIN for another command."""
        command = next((name for name, key in KEYS.items() if key == event.character), None)
        if self._made is not None and command is not None:
            event.stop()
            self.dismiss(command)

    def _show(self) -> None:
        now = self._now()
        if self._made is None or not self.is_current or now is None:
            return
        text, entry = self._wording.text, self._entry(self._made.session)
        left = (self._until or now + self._made.valid_for) - now
        self._listed = self._listed or entry is not None  # the watch may be a moment behind the answer
        if entry is not None and not entry.pin:
            status = self._wording.labels.status(entry.status)
            self.app.notify(f"{text('The PIN has been used.')} {status}", markup=False)
            self.dismiss(None)
            return
        if left > timedelta(0) and (entry is not None or not self._listed):
            validity = Text(f"{text('valid for')} {format_elapsed(left)}")
        else:
            validity = Text(text("The PIN is no longer valid."), style="bold")
        self.query_one("#validity", Static).update(validity)

    def action_back(self) -> None:
        self.dismiss(None)


class Help(ModalScreen[None]):
    """All keys and all statuses."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *_ESCAPE,
        Binding("enter,f1,question_mark,q", "back", show=False),
    ]

    def __init__(self, wording: Sentences) -> None:
        super().__init__()
        self._wording = wording

    def compose(self) -> ComposeResult:
        labels, text = self._wording.labels, self._wording.text
        keys = [(key, labels.command(name)) for name, key in KEYS.items()]
        keys += [("↑ ↓", text("Select session")), ("Tab", text("Next area")), ("F2", text("Switch the language"))]
        keys += [("F3", text("Focus by hand")), ("F4", text("Exercises")), ("F5", text("Hint"))]
        keys += [("q", text("Leave"))]
        meanings = Table.grid(padding=(0, 1))
        for key, meaning in keys:
            meanings.add_row(Text(f"{key:>3}", style="bold"), Text(meaning))
        statuses = Text(f"{text('Statuses')}\n", style="bold")
        shown_ones = [status for status in Status if not status.gone and status is not Status.UNKNOWN]
        statuses.append_text(Text("\n").join(map(self._wording.status, shown_ones)))
        shown = Table.grid(padding=(0, 2))
        shown.add_row(meanings, statuses)
        with Vertical(classes="dialog", id="helping") as dialog:
            dialog.border_title = text("Keys")
            with VerticalScroll(id="help"):
                yield Static(shown)
            yield Static(Text(text("Esc: back")), classes="hint")

    def action_back(self) -> None:
        self.dismiss(None)
