"""The file beside a store that spares the next start most of its work: a state that was made of the store's events.

It is written when the store was closed in order, and belongs to exactly the bytes that the store had then. When in
doubt it is nothing: if the store or the file is not what it was, or if anything is beside them that a crash left.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
from pathlib import Path

from rescue_common.private_files import write_private
from rescue_server.store.files import has_pending_changes, sidecar

log = logging.getLogger(__name__)
LONG = 20_000_000  # bytes of a store, some 120,000 events: to check and read them takes seconds
_MAGIC = b"RESCUE CHECKPOINT 1\n"
_DIGEST = "blake2b"
_DIGEST_SIZE = hashlib.new(_DIGEST).digest_size


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
            found = self._path.read_bytes()
            self._path.unlink()
            seal, content = found[: _DIGEST_SIZE + len(_MAGIC)], found[_DIGEST_SIZE + len(_MAGIC) :]
            if hmac.compare_digest(seal, self._seal(content)):
                return content
        return None

    def write(self, content: bytes) -> None:
        """Write the content. If that fails there is no checkpoint, and the next start reads the journal."""
        try:
            write_private(self._path, self._seal(content) + content)
        except OSError as error:
            log.warning("no checkpoint was written: %s", error.strerror or error)

    def _seal(self, content: bytes) -> bytes:
        """Return what stands before the content: a digest of it and of the whole store. Raises OSError."""
        if has_pending_changes(self._store):
            return b""
        with self._store.open("rb") as file:
            digest = hashlib.file_digest(file, _DIGEST)
        digest.update(content)
        return _MAGIC + digest.digest()
