"""What is typed at a console or piped into it, line by line, without holding up the event loop."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from typing import Protocol

from rescue_console.commands import LineSplitter

_CHUNK = 64 * 1024
_CHUNKS_AHEAD = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedLine:
    """A line without its line break, and when it was given, on the loop's clock."""

    line: bytes
    read_at: float


class Splitter(Protocol):
    """Cuts the input into lines. `ended` is true if the person has ended the input."""

    @property
    def ended(self) -> bool: ...

    def feed(self, data: bytes, /) -> Iterator[bytes]: ...

    def finish(self) -> Iterator[bytes]: ...


async def typed_lines(descriptor: int = 0, *, splitter: Splitter | None = None) -> AsyncGenerator[TypedLine, None]:
    """Deliver the lines of a file descriptor until its input ends; they end with a line feed without a `splitter`."""
    loop = asyncio.get_running_loop()
    chunks: asyncio.Queue[tuple[bytes, float]] = asyncio.Queue()
    room = threading.Semaphore(_CHUNKS_AHEAD)

    def read() -> None:
        chunk = b"-"
        while chunk:
            try:
                chunk = os.read(descriptor, _CHUNK)
            except OSError:  # closed, or a terminal that is gone: the input ended
                chunk = b""
            room.acquire()
            try:
                loop.call_soon_threadsafe(chunks.put_nowait, (chunk, loop.time()))
            except RuntimeError:  # the loop is gone, and its reader too
                return

    # A thread, because a regular file cannot be waited for; daemonic and unbuffered, because nothing can stop a
    # read from a terminal, and the program must end all the same.
    threading.Thread(target=read, name="stdin", daemon=True).start()
    splitter = splitter or LineSplitter()
    while True:
        chunk, read_at = await chunks.get()
        room.release()
        for line in splitter.feed(chunk) if chunk else splitter.finish():
            yield TypedLine(line=line, read_at=read_at)
        if not chunk or splitter.ended:
            return
