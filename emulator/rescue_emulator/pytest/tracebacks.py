"""Tracebacks of failed tests end where the test calls the library; the message of the error says the rest.

`pytest --full-trace` shows the frames that are hidden otherwise.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import TracebackType

_WORLD = "rescue_emulator.world"
_LIBRARY = ("rescue_client", "rescue_common", "rescue_emulator", "rescue_protos")


def hide_library(traceback: TracebackType) -> None:
    """Cut out what lies behind the first call of a world. A callback of the test that raises stays."""
    entries = list(_entries(traceback))
    inside = next((number for number, entry in enumerate(entries) if _module(entry).startswith(_WORLD)), 0)
    if not inside:
        return
    last = entries[inside - 1]
    for entry in entries[inside:]:
        package = _module(entry).partition(".")[0]
        if package not in _LIBRARY and package not in sys.stdlib_module_names:
            last.tb_next = entry
            last = entry
    last.tb_next = None


def _entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _module(entry: TracebackType) -> str:
    return str(entry.tb_frame.f_globals.get("__name__", ""))
