"""What is in the log: records, each of them a whole group commit, a change of what is kept, or a change of the leader.

A record is stored as one entry, or as several if it is long: only the last one completes it. The bytes of an entry are
a header (what it is, version, flags, checksum) and a part of the record in MessagePack, compressed if it is long.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from zlib import compress, crc32, decompress, error

import msgspec

from rescue_server.store.protocol import ClockMark, StoredAnswer, StoredEvent

LARGEST = 512 * 1024
"""Bytes of an entry: an engine takes at least twice as many in one message."""

VERSION = 1
_MAGIC = b"RL"
_HEADER = struct.Struct(">2sBBI")
_COMPRESSED, _GOES_ON = 1, 2
_WORTH_COMPRESSING = 32 * 1024  # bytes


class RecordUnreadable(Exception):
    """An entry of the log means nothing to this program: `why`."""


class Begin(msgspec.Struct, frozen=True, tag="begin", kw_only=True):
    """The first record: which cluster this is. `key` is the fingerprint of the cluster's key.

    `last_session`: the highest session number that an earlier history gave out. With `restored`, the state begins with
    a snapshot of this or a later record instead of with nothing.
    """

    cluster: str
    key: str
    last_session: int = 0
    restored: bool = False


class Append(msgspec.Struct, frozen=True, tag="append", kw_only=True):
    """What `Store.append` stores."""

    events: list[StoredEvent] = []
    answers: list[StoredAnswer] = []
    clock: ClockMark | None = None


class Compact(msgspec.Struct, frozen=True, tag="compact", kw_only=True):
    """What `Store.compact` drops."""

    streams: list[str]
    through: int
    answers_through: int = 0
    spared: list[str] = []


class Fold(msgspec.Struct, frozen=True, tag="fold", kw_only=True):
    """What `Store.rewrite` replaces and drops."""

    changed: list[StoredEvent]
    dropped: list[int]


class Lead(msgspec.Struct, frozen=True, tag="lead", kw_only=True):
    """From here on this server leads. `address` is where the others reach it. Epochs count the leaders."""

    epoch: int
    server: str
    address: str


class Resign(msgspec.Struct, frozen=True, tag="resign", kw_only=True):
    """The leader of this epoch has ended in order."""

    epoch: int


Record = Begin | Append | Compact | Fold | Lead | Resign
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)


def encode(record: Record, *, largest: int = LARGEST) -> list[bytes]:
    """Return the bytes of the record's entries."""
    body, flags = _encoder.encode(record), 0
    if len(body) > _WORTH_COMPRESSING:
        body, flags = compress(body, 1), _COMPRESSED
    room = largest - _HEADER.size
    parts = [body[start : start + room] for start in range(0, len(body), room)]
    return [
        *(_entry(part, flags | _GOES_ON) for part in parts[:-1]),
        _entry(parts[-1], flags),
    ]


class Reading:
    """Puts the parts of records together again. A leader may have died between two parts: the next record counts."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def add(self, entry: bytes, *, begins: bool) -> Record | None:
        """Return the record that the entry completes; None if more is to come. Raises RecordUnreadable.

        `begins`: whether the entry is of another record than the one before.
        """
        if begins:
            self._parts.clear()
        flags, part = _parted(entry)
        self._parts.append(part)
        if flags & _GOES_ON:
            return None
        body = b"".join(self._parts)
        self._parts.clear()
        try:
            record: Record = _decoder.decode(decompress(body) if flags & _COMPRESSED else body)
        except (msgspec.MsgspecError, ValueError, error) as wrong:
            raise RecordUnreadable(f"it is no record that this version knows: {wrong}") from wrong
        return record


def decode(entries: Sequence[bytes]) -> Record:
    """Return the record of these entries. Raises RecordUnreadable."""
    reading = Reading()
    found = [reading.add(entry, begins=number == 0) for number, entry in enumerate(entries)]
    if not found or found[-1] is None:
        raise RecordUnreadable("its end is missing")
    return found[-1]


def _entry(part: bytes, flags: int) -> bytes:
    return _HEADER.pack(_MAGIC, VERSION, flags, crc32(part, flags)) + part


def _parted(entry: bytes) -> tuple[int, bytes]:
    if len(entry) < _HEADER.size:
        raise RecordUnreadable("it is too short")
    magic, version, flags, checksum = _HEADER.unpack_from(entry)
    part = entry[_HEADER.size :]
    if magic != _MAGIC:
        raise RecordUnreadable("another program wrote it")
    if version != VERSION:
        raise RecordUnreadable(f"it has version {version}, and this program reads version {VERSION}")
    if crc32(part, flags) != checksum:
        raise RecordUnreadable("it is not what was written")
    return flags, part
