"""The first and the last line of the full-screen console. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from rescue_client.clock import EmulatedClock
from rescue_common.terminal import safe
from rescue_console.tui.texts import Sentences


def head(
    width: int, *, technician: str, clock: EmulatedClock, in_focus: bool, online: bool, wording: Sentences
) -> Text:
    """Return the first line: who this is, the focus, and the emulated clock."""
    text = wording.text
    left = Text(f" {text('Technician Console')} · {safe(technician)}", style="bold")
    focus = f"◉ {text('in focus')}" if in_focus else f"◌ {text('not in focus')}"
    shown = f"{clock.now:%H:%M:%S}" if clock.now else "--:--:--"
    pace = f"×{clock.rate:g}" if clock.rate else text("the clock stands still")
    right = f"{focus}   {shown} {pace if online else '…'} "
    return left.append(" " * max(width - left.cell_len - Text(right).cell_len, 1)).append(right, style="not bold")


def foot(wording: Sentences, *, typing: bool) -> Text:
    """Return the last line: the keys. A field takes every key that is a command elsewhere."""
    if typing:
        return _keys(wording, (("Enter", "send"), ("Esc", "back to the keys"), ("F2", "in Dutch")))
    keys = (("F1", "help"), ("F2", "in Dutch"), ("F3", "focus"), ("F4", "exercises"), ("↑↓", "Session"), ("q", "leave"))
    return _keys(wording, keys)


def _keys(wording: Sentences, keys: Sequence[tuple[str, str]]) -> Text:
    line = Text(" ")
    for key, word in keys:
        line.append(key, style="bold").append(f" {wording.text(word)}  ")
    return line
