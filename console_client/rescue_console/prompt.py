"""The prompt of the plain console: what is printed goes above it, and what was typed at it stays."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from rescue_common.terminal import safe
from rescue_console.line_editor import LineEditor


class Prompt:
    """A prompt on a terminal. It paints what is typed, because a terminal that echoes could not put it back."""

    def __init__(self, console: Console, prompt: str) -> None:
        self._console = console
        self._prompt = prompt
        self._editor = LineEditor()
        self._painted = ""

    @contextmanager
    def on_terminal(self, descriptor: int) -> Iterator[None]:
        """Paint what is typed at a terminal, for the length of the block."""
        import termios  # not on every system: the prompt is only painted on terminals that it can set
        import tty

        before = termios.tcgetattr(descriptor)
        loop = asyncio.get_running_loop()

        def resume() -> None:  # the shell has set the terminal for itself
            tty.setcbreak(descriptor, termios.TCSADRAIN)
            self._painted = ""
            self.show()

        tty.setcbreak(descriptor, termios.TCSADRAIN)
        loop.add_signal_handler(signal.SIGCONT, resume)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGCONT)
            if self._painted:
                self._console.print()
            with suppress(termios.error):  # the terminal is gone
                termios.tcsetattr(descriptor, termios.TCSADRAIN, before)

    @property
    def ended(self) -> bool:
        """Whether the person has ended the input."""
        return self._editor.ended

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take keys in; return the lines that are complete now, each with the prompt above what follows."""
        was_shown = bool(self._painted)
        for line in self._editor.feed(data):
            self.hide()
            self._console.print(self._text(safe(line.decode("utf-8", "replace"))), soft_wrap=True)
            yield line
        if was_shown and self._painted:
            self.show()

    def finish(self) -> Iterator[bytes]:
        """Return the last line, if the terminal is gone before its end."""
        return self._editor.finish()

    def show(self) -> None:
        """Paint the prompt and what has been typed at it: the end of it, if there is no room for all."""
        room = max(self._console.width - cell_len(self._prompt) - 1, 1)
        shown = safe(self._editor.typed)
        while cell_len(shown) > room:
            shown = shown[1:]
        text = self._text(shown)
        if text.plain == self._painted:
            return
        self.hide()
        self._console.print(text, end="", soft_wrap=True)
        self._console.file.flush()
        self._painted = text.plain

    def hide(self) -> None:
        """Erase the prompt, so that something can be printed in its place."""
        if self._painted:
            self._console.file.write(f"\r{' ' * cell_len(self._painted)}\r")
            self._painted = ""

    def _text(self, typed: str) -> Text:
        return Text.assemble((self._prompt, "bold"), typed)
