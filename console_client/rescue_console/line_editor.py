"""The line that a person types at a prompt: the editing keys of a terminal, for a program that paints the line itself.

Pure. It takes the bytes of a terminal that neither echoes nor edits, and returns complete lines.
"""

from __future__ import annotations

from collections.abc import Iterator

from rescue_console.commands import LONGEST_LINE

_BACKSPACE, _END, _CLEAR, _WORD, _ESCAPE = b"\x7f\x08", 0x04, 0x15, 0x17, 0x1B


class LineEditor:
    """`typed` is the line so far; `ended` is true after Ctrl-D on an empty line."""

    def __init__(self) -> None:
        self.ended = False
        self._line = bytearray()
        self._escape = b""

    @property
    def typed(self) -> str:
        """The line so far; a letter that is not complete, or not UTF-8, is replaced."""
        return self._line.decode("utf-8", "replace")

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take keys in; return the lines that are complete now."""
        for byte in data:
            if self._escape:
                self._pass_over(byte)
            elif byte in b"\r\n":
                yield self._take()
            else:
                self._edit(byte)

    def finish(self) -> Iterator[bytes]:
        """Return the last line, if the terminal is gone before its end."""
        if self._line:
            yield self._take()

    def _edit(self, byte: int) -> None:
        if byte in _BACKSPACE:
            self._line = bytearray(
                self._line.decode("utf-8", "surrogateescape")[:-1].encode("utf-8", "surrogateescape")
            )
        elif byte == _CLEAR:
            self._line.clear()
        elif byte == _WORD:
            words = bytes(self._line).rstrip()
            self._line = bytearray(words[: words.rfind(b" ") + 1])
        elif byte == _END:
            self.ended = not self._line
        elif byte == _ESCAPE:
            self._escape = b"\x1b"
        elif byte == 0x09:
            self._keep(0x20)
        elif byte >= 0x20:
            self._keep(byte)

    def _keep(self, byte: int) -> None:
        if len(self._line) <= LONGEST_LINE:  # one byte more: then the line is refused
            self._line.append(byte)

    def _pass_over(self, byte: int) -> None:
        """Pass over an arrow or a function key: ESC [ … final, ESC O final, or ESC and one letter."""
        self._escape += bytes([byte])
        is_open = self._escape in (b"\x1b[", b"\x1bO")
        if not is_open and (len(self._escape) == 2 or 0x40 <= byte <= 0x7E):
            self._escape = b""

    def _take(self) -> bytes:
        line = bytes(self._line)
        self._line.clear()
        return line
