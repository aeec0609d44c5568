"""The toolbar: every command of the console with its key. A click on an impossible command shows the reason."""

from __future__ import annotations

from collections.abc import Collection

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Grid
from textual.message import Message
from textual.widgets import Static

from rescue_console.tui.texts import Sentences

KEYS = {
    "pin": "n",
    "start": "s",
    "hold": "h",
    "end": "e",
    "transfer": "t",
    "invite": "i",
    "remove": "x",
    "lead offer": "g",
    "lead cancel": "k",
    "lead accept": "a",
    "reboot": "b",
    "open": "o",
    "close": "c",
    "chat": "m",
    "note": "w",
}
"""The key of each command, by what is typed for it in the scripted console."""


def widget_id(name: str) -> str:
    """Return the id of a command's button."""
    return "do-" + name.replace(" ", "-")


class CommandButton(Static, can_focus=True):
    """One command. It stays clickable when it is not possible: a click then shows the reason."""

    class Pressed(Message):
        """The command was clicked."""

        def __init__(self, command: str) -> None:
            super().__init__()
            self.command = command

    def __init__(self, name: str) -> None:
        super().__init__(id=widget_id(name), classes="command")
        self.command = name
        self._shown: tuple[str, bool] | None = None

    def show(self, wording: Sentences, *, possible: bool, why_not: str) -> None:
        """Draw it in a language: bright with its key in brackets, or dim without."""
        label, key = wording.labels.button(self.command), KEYS[self.command]
        self.tooltip = Text(why_not or wording.labels.command(self.command))
        if (label, possible) == self._shown:
            return
        self._shown = (label, possible)
        self.set_class(not possible, "-impossible")
        self.update(Text.assemble((f"[{key}]", "bold"), f" {label}") if possible else Text(f" {key}  {label}"))

    def on_click(self) -> None:
        self.post_message(self.Pressed(self.command))

    def on_key(self, event: events.Key) -> None:
        if event.key in ("enter", "space"):
            event.stop()
            self.post_message(self.Pressed(self.command))


class Toolbar(Grid):
    """All commands."""

    def compose(self) -> ComposeResult:
        for name in KEYS:
            yield CommandButton(name)

    def show(self, wording: Sentences, *, possible: Collection[str], why_not: dict[str, str]) -> None:
        """Draw all of them. `why_not` returns the reason for each command that is not possible."""
        for button in self.query(CommandButton):
            name = button.command
            button.show(wording, possible=name in possible, why_not=why_not.get(name, ""))
