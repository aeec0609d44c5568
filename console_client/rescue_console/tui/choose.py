"""The dialog in which somebody or something is chosen: what is typed narrows the list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from rescue_console.tui.texts import QUIET, Sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Something to choose; with an empty key a heading."""

    key: str
    label: str
    remark: str = ""

    @property
    def name(self) -> str:
        """What it is found by."""
        return self.label.strip().casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was chosen, and the comment that was written to it."""

    key: str
    comment: str = ""


class Choose(ModalScreen[Chosen | None]):
    """Choose one of several; None if one goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", show=False, priority=True)]

    def __init__(self, title: str, choices: Sequence[Choice], wording: Sentences, *, comment: bool = False) -> None:
        super().__init__()
        self._title, self._choices, self._wording, self._comment = title, choices, wording, comment
        self._typed = ""

    def compose(self) -> ComposeResult:
        text = self._wording.text
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            if self._choices:
                yield OptionList(*map(_option, self._choices), id="choices")
            else:
                yield Static(Text(text("There is nobody to choose.")))
            if self._comment:
                yield Input(placeholder=text("Comment for those who get it (may be empty)"), id="comment")
            yield Static(self._hint(), id="hint", classes="hint")

    def on_key(self, event: events.Key) -> None:
        """Narrow the list by a letter, or widen it again."""
        if not isinstance(self.focused, OptionList):
            return
        if event.key == "backspace":
            self._narrow(self._typed[:-1])
        elif event.is_printable and event.character:
            self._narrow(self._typed + event.character)
        else:
            return
        event.stop()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._done(event.option.id)

    def on_input_submitted(self) -> None:
        choices = self.query_one(OptionList)
        if choices.highlighted is not None:
            self._done(choices.get_option_at_index(choices.highlighted).id)

    def action_back(self) -> None:
        self.dismiss(None)

    def _narrow(self, typed: str) -> None:
        self._typed = typed
        shown = list(matching(self._choices, typed))
        choices = self.query_one(OptionList)
        choices.clear_options()
        choices.add_options(map(_option, shown))
        best = next((place for place, choice in enumerate(shown) if choice.key), None)
        begins = typed.casefold()
        better = (place for place, choice in enumerate(shown) if choice.key and choice.name.startswith(begins))
        choices.highlighted = next(better, best)
        self.query_one("#hint", Static).update(self._hint())

    def _hint(self) -> Text:
        text = self._wording.text
        if self._typed:
            return Text(f"{text('typed')}: {self._typed}   {text('Enter: choose')}   {text('Backspace: delete')}")
        hints = [text("Enter: choose"), text("letters: search"), *([text("Tab: comment")] if self._comment else [])]
        return Text("  ".join([*hints, text("Esc: back")]))

    def _done(self, key: str | None) -> None:
        comment = self.query_one("#comment", Input).value.strip() if self._comment else ""
        self.dismiss(Chosen(key=key, comment=comment) if key else None)


def matching(choices: Sequence[Choice], typed: str) -> Iterator[Choice]:
    """Yield the choices whose name contains what was typed, each group of them below its heading."""
    heading: Choice | None = None
    for choice in choices:
        if not choice.key:
            heading = choice
        elif typed.casefold() in choice.name:
            if heading is not None:
                yield heading
                heading = None
            yield choice


def _option(choice: Choice) -> Option:
    if not choice.key:
        return Option(Text(choice.label, style="bold"), disabled=True)
    label = Text(f"  {choice.label}")
    if choice.remark:
        label.append(f"  {choice.remark}", style=QUIET)
    return Option(label, id=choice.key)
