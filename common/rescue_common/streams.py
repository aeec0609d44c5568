"""A program's standard streams and arguments, whatever their encoding is and whoever reads them.

What programs read (JSON lines, pictures) is UTF-8. What people read has the terminal's encoding; letters that it
lacks are escaped.
"""

from __future__ import annotations

import errno
import io
import os
import sys


class OutputLost(Exception):
    """Standard output takes no more: its disk is full, or its reader is gone. The message is one line for people."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"the output could not be written: {error.strerror or error}")
        self.reader_is_gone = error.errno == errno.EPIPE


def prepare_streams(*, data: bool) -> None:
    """Let no letter end the program. `data`: standard output is read by programs, so it is UTF-8."""
    for stream, is_data in ((sys.stdout, data), (sys.stderr, False)):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8" if is_data else stream.encoding, errors="backslashreplace")


def flush_output() -> None:
    """Write what standard output still holds. Raises OutputLost."""
    try:
        sys.stdout.flush()
    except OSError as error:
        raise lost_output(error) from None


def lost_output(error: OSError) -> OutputLost:
    """Return the error of an output that failed, and keep the interpreter from trying again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return OutputLost(error)


def is_utf8(text: str) -> bool:
    """Return whether an argument or variable came in as UTF-8. Python keeps other bytes as surrogates."""
    return not any("\udc80" <= letter <= "\udcff" for letter in text)
