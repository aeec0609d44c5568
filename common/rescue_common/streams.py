"""A program's standard streams and arguments in any encoding.

Output for programs (JSON lines, pictures) is UTF-8. Output for people has the terminal's encoding; missing
letters are escaped.
"""

from __future__ import annotations

import errno
import io
import os
import sys


class OutputLost(Exception):
    """Standard output failed: its disk is full, or its reader ended. The message is one line for people."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"the output could not be written: {error.strerror or error}")
        self.reader_is_gone = error.errno == errno.EPIPE


def prepare_streams(*, data: bool) -> None:
    """Escape letters that a stream cannot encode. With `data`, standard output is UTF-8, because programs read it.

    A stream that was closed at the start is the null device, so that no other file gets its number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream, is_data in ((sys.stdout, data), (sys.stderr, False)):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8" if is_data else stream.encoding, errors="backslashreplace")


def flush_output() -> None:
    """Flush standard output. Raises OutputLost."""
    try:
        sys.stdout.flush()
    except OSError as error:
        raise lost_output(error) from None


def lost_output(error: OSError) -> OutputLost:
    """Return the error of an output that failed. The interpreter then does not flush it again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return OutputLost(error)


def is_utf8(text: str) -> bool:
    """Return whether an argument or variable was UTF-8. Python represents other bytes by surrogates."""
    return not any("\udc80" <= letter <= "\udcff" for letter in text)
