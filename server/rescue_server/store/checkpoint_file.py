"""The file beside a store that spares the next start most of its work: a state that was made of the store's events.

It is written when the store was closed in order, and belongs to exactly the bytes that the store had then. When in
doubt it is nothing: if the store or the file is not what it was, or if anything is beside them that a crash left.
"""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from zlib import crc32

from rescue_common.private_files import write_private
from rescue_server.store.files import has_pending_changes, sidecar

log = logging.getLogger(__name__)
LONG = 20_000_000  # bytes of a store, some 120,000 events: to check and read them takes seconds
_MAGIC = b"RESCUE CHECKPOINT 2\n"
_SEAL_SIZE = len(_MAGIC) + 8
_READ = 1_000_000  # bytes


class CheckpointFile:
    """The checkpoint of one store. The caller must hold the directory's lock, and the store must not be open."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._path = sidecar(store, ".checkpoint")

    def note_without(self) -> str:
        """Return what to tell people who wait for a start without a checkpoint; empty if it does not take long."""
        size = self._store.stat().st_size if self._store.exists() else 0
        if size < LONG:
            return ""
        why = "it was not closed in order, or by another version"
        return f"the store of {size // 1_000_000} MB is checked and read from its beginning: {why}"

    def take(self) -> bytes | None:
        """Return the content, and remove the file: the store will not stay as it is. None if it is not certain."""
        with contextlib.suppress(OSError):
            with self._path.open("rb") as file:
                seal, content = file.read(_SEAL_SIZE), file.read()
            self._path.unlink()
            if seal == self._seal(content):
                return content
        return None

    def write(self, content: bytes) -> None:
        """Write the content. If that fails there is no checkpoint, and the next start reads the journal."""
        try:
            write_private(self._path, self._seal(content) + content)
        except OSError as error:
            log.warning("no checkpoint was written: %s", error.strerror or error)

    def _seal(self, content: bytes) -> bytes:
        """Return what stands before the content: checksums of the whole store and of it. Raises OSError.

        They are of the kind that each row of the store has: this finds what a start without a checkpoint would find.
        """
        if has_pending_changes(self._store):
            return b""
        checksum = 0
        with self._store.open("rb") as file:
            while piece := file.read(_READ):
                checksum = crc32(piece, checksum)
        return _MAGIC + checksum.to_bytes(4) + crc32(content).to_bytes(4)
