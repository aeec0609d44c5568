"""Checkpoints: copies of the state at some revision. A start that has one replays only the events after it.

A few are kept in memory while the server runs. The one that is saved at the end is some events behind, because what
happened lately must be replayed into the rings of the watches. It is valid for the very same core only: another version
may understand old events differently. Of sessions that are over it has the bytes, and a start does not decode them.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from pathlib import Path
from typing import Any, get_origin

import msgspec

from rescue_server import core, settings
from rescue_server.runtime.applet_orders import ChatShown
from rescue_server.runtime.chat_log import ChatLog
from rescue_server.runtime.packed_mapping import Packed, PackedMapping, plain
from rescue_server.runtime.session_records import Records, SessionRecords
from rescue_server.runtime.state import AppliedEvent, EngineState

log = logging.getLogger(__name__)
BEHIND = 5_000
"""Events: the saved state is at least so many behind if there are so many, and at most twice as many."""


class SavedState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is made of the journal at the start: the state, unconfirmed chat lines, records of sessions."""

    core: str
    state: EngineState
    chats: dict[str, list[ChatShown]]
    records: Records


class Checkpoints:
    """The checkpoints of one engine. `content` is what was saved at the end of the server before, if anything."""

    def __init__(self, content: bytes | None = None, *, behind: int = BEHIND) -> None:
        self.found = None if content is None else _decoded(content)
        self.behind = behind
        self._published: EngineState | None = None
        self._chats = ChatLog()
        self._records = SessionRecords()
        self._kept: list[SavedState] = []

    def begin(self, published: EngineState, chats: ChatLog, records: SessionRecords) -> None:
        """Make these what was saved, if anything was, and keep copies of them from now on."""
        self._published, self._chats, self._records = published, chats, records
        if self.found is not None:
            published.assign(self.found.state)
            chats.assign(self.found.chats)
            records.assign(self.found.records)
            self.found = None
            self.keep()

    def on_applied(self, applied: AppliedEvent) -> None:
        """Keep a copy now and then: an event was published."""
        if not self._kept or applied.revision - self._kept[-1].state.revision >= self.behind:
            self.keep()

    def keep(self) -> None:
        """Keep a copy of the published state as it is now."""
        if self._published is not None:
            state = EngineState()
            state.assign(self._published)
            saved = SavedState(core=CORE, state=state, chats=self._chats.copy(), records=self._records.copy())
            self._kept = [*self._kept[-1:], saved]

    def content(self) -> bytes | None:
        """Return what to save at the end; None if it would spare nothing."""
        now = self._published
        if now is None or not self._kept:
            return None
        able = [saved for saved in self._kept if saved.state.revision <= now.revision - self.behind]
        saved = (able or self._kept)[-1 if able else 0]
        if not saved.state.revision:
            return None
        for gone in set(saved.state.sessions).difference(now.sessions):
            saved.state.forget(gone)
            saved.chats.pop(gone, None)
            saved.records.pop(gone, None)
        return encode(saved)


def _decoded(content: bytes) -> SavedState | None:
    try:
        saved = _decoder.decode(content)
    except msgspec.MsgspecError as error:
        log.warning("the checkpoint is not used: %s", error)
        return None
    return saved if saved.core == CORE else None


def encode(saved: SavedState) -> bytes:
    """Return the content of a checkpoint."""
    return msgspec.msgpack.encode(saved, enc_hook=_plain)


def _plain(value: Any) -> Any:
    """Write the types of a state that msgspec does not know."""
    return value.pack() if isinstance(value, PackedMapping) else plain(value)


def _restored(kind: type[Any], value: Any) -> Any:
    """Read them."""
    if get_origin(kind) is Counter or kind is Counter:
        return Counter(value)
    if isinstance(kind, type) and issubclass(kind, PackedMapping):
        return kind.unpack(Packed(*value))
    raise NotImplementedError(f"a {kind} is not part of a state")


def _fingerprint() -> str:
    """Return what tells this core from another one: its source, as it was loaded."""
    files = sorted(Path(core.__file__).parent.glob("*.py"))
    digest = hashlib.blake2b(digest_size=16)
    here = [Path(__file__).with_name(f"{name}.py") for name in ("state", "session_records", "packed_mapping")]
    for file in (*files, Path(settings.__file__), *here):
        digest.update(file.read_bytes())
    return digest.hexdigest()


CORE = _fingerprint()
_decoder = msgspec.msgpack.Decoder(SavedState, dec_hook=_restored)
