"""Answers that are too long for memory: they are written to a temporary file first, so that their length is known.

And so that a failure half-way is a word, and not half an answer.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import BinaryIO, cast

from starlette.responses import Response, StreamingResponse

from rescue_api.cut import CutResponse

IN_MEMORY = 1024 * 1024  # bytes; more goes to the disk
_PIECE = 64 * 1024  # bytes sent at a time


async def spooled(head: str, pieces: AsyncIterator[str], tail: str, write: Callable[[str], str]) -> BinaryIO:
    """Return a file with the pieces as `write` writes them, between head and tail. What the pieces raise is raised."""
    with ExitStack() as unless_whole:
        file = cast("BinaryIO", unless_whole.enter_context(tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)))
        file.write(head.encode())
        async for piece in pieces:
            file.write(write(piece).encode())
        file.write(tail.encode())
        unless_whole.pop_all()
    return file


def spooled_response(file: BinaryIO, headers: dict[str, str], *, is_cut: bool) -> Response:
    """Return the answer that sends the file, and closes it; `is_cut`: the connection is closed in the middle."""
    length = file.tell()
    file.seek(0)
    if is_cut:
        with file:
            return CutResponse(file.read(), headers=headers)
    return StreamingResponse(_pieces(file), headers={**headers, "Content-Length": str(length)})


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece
