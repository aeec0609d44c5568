"""The lines that are typed into the computer: its stdin, whatever that is."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable

STDIN = 0


def read_lines(on_line: Callable[[str], None]) -> None:
    """Call `on_line` in the running loop with each line of stdin, until its end.

    By a thread, because an event loop cannot wait for a regular file or /dev/null; on the bare descriptor,
    because a thread that is left reading `sys.stdin` is in the way of the interpreter's exit.
    """
    loop = asyncio.get_running_loop()

    def read() -> None:
        rest = b""
        try:
            while chunk := os.read(STDIN, 65536):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    loop.call_soon_threadsafe(on_line, line.decode(errors="replace"))
            if rest:
                loop.call_soon_threadsafe(on_line, rest.decode(errors="replace"))
        except (OSError, RuntimeError):
            return  # There is no stdin, or the loop is gone.

    threading.Thread(target=read, name="stdin", daemon=True).start()
