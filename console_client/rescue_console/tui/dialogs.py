"""The dialogs: a new PIN, choosing somebody or something, a question, help."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Digits, Input, OptionList, Static
from textual.widgets.option_list import Option

from rescue_client.records import Entry, PinCreated, Status
from rescue_console.tui.texts import QUIET, Sentences, elapsed
from rescue_console.tui.toolbar import KEYS

_ESCAPE: list[BindingType] = [Binding("escape", "back", show=False, priority=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Something to choose; with an empty key a heading."""

    key: str
    label: str
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was chosen, and the comment that was written to it."""

    key: str
    comment: str = ""


class Choose(ModalScreen[Chosen | None]):
    """Choose one of several; None if one goes back."""

    BINDINGS: ClassVar[list[BindingType]] = _ESCAPE

    def __init__(self, title: str, choices: Sequence[Choice], wording: Sentences, *, comment: bool = False) -> None:
        super().__init__()
        self._title, self._choices, self._wording, self._comment = title, choices, wording, comment

    def compose(self) -> ComposeResult:
        text = self._wording.text
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            if self._choices:
                yield OptionList(*(_option(choice) for choice in self._choices), id="choices")
            else:
                yield Static(Text(text("There is nobody to choose.")))
            if self._comment:
                yield Input(placeholder=text("Comment for those who get it (may be empty)"), id="comment")
            hints = [text("Enter: choose"), *([text("Tab: comment")] if self._comment else []), text("Esc: back")]
            yield Static(Text("   ".join(hints)), classes="hint")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._done(event.option.id)

    def on_input_submitted(self) -> None:
        choices = self.query_one(OptionList)
        if choices.highlighted is not None:
            self._done(choices.get_option_at_index(choices.highlighted).id)

    def _done(self, key: str | None) -> None:
        comment = self.query_one("#comment", Input).value.strip() if self._comment else ""
        self.dismiss(Chosen(key=key, comment=comment) if key else None)

    def action_back(self) -> None:
        self.dismiss(None)


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


class NewPin(ModalScreen[None]):
    """Ask for the customer's name, create the session, and show its PIN large until it is used.

    `create` creates it, or returns None if that was refused; `entry` and `now` are asked while it is shown.
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
            yield Static(id="tell")
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
        self.query_one("#tell", Static).update(Text(f"{text('Tell the customer this PIN')} ({session}): {made.pin}"))
        pin = self.query_one("#pin", Digits)
        pin.display = True
        pin.update(made.pin)
        self.query_one("#hint", Static).update(Text(text("Esc: back")))
        self._show()

    def _show(self) -> None:
        now = self._now()
        if self._made is None or now is None:
            return
        text, entry = self._wording.text, self._entry(self._made.session)
        left = (self._until or now + self._made.valid_for) - now
        self._listed = self._listed or entry is not None  # the watch may be a moment behind the answer
        if entry is not None and not entry.pin:
            said = Text(f"{text('The PIN has been used.')} ").append_text(self._wording.status(entry.status))
        elif left > timedelta(0) and (entry is not None or not self._listed):
            said = Text(f"{text('valid for')} {elapsed(left)}")
        else:
            said = Text(text("The PIN is no longer valid."), style="bold")
        self.query_one("#validity", Static).update(said)

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
        keys += [("F3", text("Focus by hand")), ("q", text("Leave"))]
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


def _option(choice: Choice) -> Option:
    if not choice.key:
        return Option(Text(choice.label, style="bold"), disabled=True)
    label = Text(f"  {choice.label}")
    if choice.remark:
        label.append(f"  {choice.remark}", style=QUIET)
    return Option(label, id=choice.key)
