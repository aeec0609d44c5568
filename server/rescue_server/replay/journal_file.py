"""One line of a recorded journal, wherever it comes from: a file of JSON lines, or a server's store.

A field that is added to the lines later needs a default, so that old recordings still read.
"""

from __future__ import annotations

import sys
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from rescue_server.core.history import EventHistory
from rescue_server.core.status import Status
from rescue_server.runtime.state import AnyEvent, read_event
from rescue_server.store.errors import StoreError
from rescue_server.store.files import translate_errors
from rescue_server.store.schema import EVENT_COLUMNS, event_of, open_read_only


class BadJournal(Exception):
    """The journal cannot be read; the message names the file, the line and the reason."""


class RecordedChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a queue showed then. `previous` and `row` are None for a new entry."""

    technician: str
    previous: Status | None
    status: Status
    row: int | None


class RecordedLine(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it was stored, and what it changed when it happened."""

    revision: int
    at: datetime
    stream: str
    changes: tuple[RecordedChange, ...] = ()
    body: AnyEvent


_decoder = msgspec.json.Decoder(RecordedLine)


def read_journal(path: Path) -> Iterator[RecordedLine]:
    """Yield the lines of a file, "-" for stdin. Raises BadJournal."""
    if str(path) == "-":
        yield from _parsed(sys.stdin.buffer, "standard input")
        return
    try:
        with path.open("rb") as file:
            yield from _parsed(file, str(path))
    except OSError as error:
        raise BadJournal(f"{path} cannot be read: {error.strerror or error}") from None


def read_store(path: Path) -> Iterator[RecordedLine]:
    """Yield the lines of a server's store; the server may be running. The changes are what today's core makes of it.

    Raises BadJournal.
    """
    history = EventHistory()
    try:
        with translate_errors(path), open_read_only(path) as connection:
            for row in connection.execute(f"SELECT {EVENT_COLUMNS} FROM journal ORDER BY revision"):
                stored = event_of(row)
                event = read_event(stored)
                explained = history.explain(event)
                changes = tuple(
                    RecordedChange(technician=c.technician, previous=c.previous, status=c.status, row=c.row or None)
                    for c in (explained.changes if explained else ())
                )
                yield RecordedLine(
                    revision=stored.revision, at=stored.at, stream=stored.stream, changes=changes, body=event
                )
    except (StoreError, ValueError) as error:
        raise BadJournal(f"{path}: {error}" if isinstance(error, ValueError) else str(error)) from None


def _parsed(lines: Iterable[bytes], name: str) -> Iterator[RecordedLine]:
    for number, line in enumerate(lines, 1):
        if number == 1:
            line = line.removeprefix(BOM_UTF8)  # some editors write it; it is no part of the text
        if not line.strip():
            continue
        try:
            yield _decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadJournal(f"{name}, line {number}: {error} (`rescue events --json` writes such lines)") from None
