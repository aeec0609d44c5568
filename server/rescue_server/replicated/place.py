"""Where a server stands in the log: how far it has come, and who leads there. It is stored with each change."""

from __future__ import annotations

import msgspec

from rescue_server.replicated.records import Begin, Lead, Record, Resign


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The position of the last record that was applied, and the id of its entry; 0 is before the first.

    `cluster` and `key` are those of the first record. `leader` and `address` are those of the last `lead` record, and
    empty after a `resign`; `epoch` counts the leaders.
    """

    position: int = 0
    entry: str = ""
    cluster: str = ""
    key: str = ""
    epoch: int = 0
    leader: str = ""
    address: str = ""

    def after(self, record: Record, *, position: int, entry: str) -> Place:
        """Return the place after one more record."""
        moved = msgspec.structs.replace(self, position=position, entry=entry)
        match record:
            case Begin(cluster=cluster, key=key):
                return msgspec.structs.replace(moved, cluster=cluster, key=key)
            case Lead(epoch=epoch, server=server, address=address):
                return msgspec.structs.replace(moved, epoch=epoch, leader=server, address=address)
            case Resign():
                return msgspec.structs.replace(moved, leader="", address="")
        return moved

    def encode(self) -> bytes:
        """Return the note that the store keeps."""
        return msgspec.msgpack.encode(self)

    @staticmethod
    def of(note: bytes) -> Place:
        """Return the place of a note. Raises ValueError if it is none."""
        try:
            return msgspec.msgpack.decode(note, type=Place) if note else Place()
        except msgspec.MsgspecError as error:
            raise ValueError(str(error)) from error
