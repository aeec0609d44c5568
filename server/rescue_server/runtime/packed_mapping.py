"""Mappings that leave most of their values as a checkpoint has them: bytes, decoded whenever somebody looks at one.

A long history is half a million sessions that are over, and nobody asks for most of them ever again. So a start does
not even make a dictionary of them: they lie in blocks, by their names, of which a look decodes one. What is decoded
for a look is not kept, but for the last block, so memory does not grow with the looks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, MutableMapping
from itertools import islice
from typing import Any, ClassVar, Self, TypeVar, overload

import msgspec

IN_BLOCK = 32
"""Values in a block: to look one up takes two microseconds, and 500,000 make a list that is copied in no time."""

Value = TypeVar("Value")
Default = TypeVar("Default")
_decoder = msgspec.msgpack.Decoder(dict[str, bytes])


def plain(value: Any) -> Any:
    """Write read-only mappings as mappings, for msgspec."""
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(f"a {type(value).__name__} is not part of a state")


_encoder = msgspec.msgpack.Encoder(enc_hook=plain)


class Packed(msgspec.Struct, frozen=True, array_like=True):
    """A mapping as bytes. `blocks` hold names with their values, in the order of names; `last` is the last of each.

    `unpacked` are the values that do not stay packed.
    """

    blocks: list[bytes]
    last: list[str]
    count: int
    unpacked: dict[str, bytes]


class PackedMapping(MutableMapping[str, Value]):
    """Values by name; a subclass says how they are decoded, and which stay packed at a start.

    It is equal to any mapping with equal values. Names are passed by in the order in which they came, or in that of
    numbers if some are packed: for numbers of sessions these are the same.
    """

    decoder: ClassVar[msgspec.msgpack.Decoder[Any]]

    def __init__(self) -> None:
        self._values: dict[str, Value | bytes] = {}  # those that are in no block
        self._blocks: list[bytes] = []
        self._last: list[tuple[int, str]] = []
        self._count = 0  # in blocks
        self._opened: tuple[bytes, dict[str, bytes]] = (b"", {})  # the last block: some look at all, in turn

    @staticmethod
    def stays_packed(value: Value) -> bool:
        """Whether nobody looks at the value but those who ask for just this one."""
        return True

    def __getitem__(self, name: str) -> Value:
        value = self._found(name)
        if value is None:
            raise KeyError(name)
        return value

    @overload
    def get(self, name: str, default: None = None, /) -> Value | None: ...
    @overload
    def get(self, name: str, default: Value, /) -> Value: ...
    @overload
    def get(self, name: str, default: Default, /) -> Value | Default: ...
    def get(self, name: str, default: object = None, /) -> object:
        """Return the value, or the default. Each command asks, often in vain: that of `Mapping` raises and catches."""
        value = self._found(name)
        return default if value is None else value

    def __setitem__(self, name: str, value: Value) -> None:
        self._take_out(name)
        self._values[name] = value

    def __delitem__(self, name: str) -> None:
        self._take_out(name)
        del self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._values or (isinstance(name, str) and name in self._block_for(name)[1])

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._in_order()) if self._blocks else iter(self._values)

    def __len__(self) -> int:
        return len(self._values) + self._count

    def copy(self) -> Self:
        """Return a mapping with the same values."""
        copied = type(self)()
        copied._values = self._values.copy()
        copied._blocks, copied._last, copied._count = self._blocks.copy(), self._last.copy(), self._count
        return copied

    def unpacked(self) -> Iterator[Value]:
        """Yield the values that are not packed. All that do not stay packed are among them."""
        return (value for value in self._values.values() if not isinstance(value, bytes))

    def pack(self) -> Packed:
        """Return all values as bytes."""
        unpacked: dict[str, bytes] = {}
        blocks, last, count = [], [], 0
        to_pack = self._to_pack(unpacked)
        while block := dict(islice(to_pack, IN_BLOCK)):
            blocks.append(_encoder.encode(block))
            last.append(next(reversed(block)))
            count += len(block)
        return Packed(blocks, last, count, unpacked)

    @classmethod
    def unpack(cls, packed: Packed) -> Self:
        """Return what was packed. Raises msgspec.MsgspecError if a value that does not stay packed is none of ours."""
        mapping = cls()
        mapping._blocks, mapping._last, mapping._count = packed.blocks, [*map(_order, packed.last)], packed.count
        mapping._values.update((name, cls._decoded(value)) for name, value in packed.unpacked.items())
        return mapping

    def _found(self, name: str) -> Value | None:
        value = self._values.get(name)
        if value is None and self._blocks:
            value = self._block_for(name)[1].get(name)
        return self._decoded(value) if isinstance(value, bytes) else value

    def _block_for(self, name: str) -> tuple[int, dict[str, bytes]]:
        """Return the place and the values of the block in which a name is if it is in any."""
        place = bisect_left(self._last, _order(name))
        if place == len(self._blocks):
            return place, {}
        if self._blocks[place] is not self._opened[0]:
            self._opened = self._blocks[place], _decoder.decode(self._blocks[place])
        return place, self._opened[1]

    def _take_out(self, name: str) -> None:
        """Break up the block that has this name, if one has it: its values are packed one by one from then on."""
        if name in self._values or not self._blocks:
            return
        place, block = self._block_for(name)
        if name in block:
            del self._blocks[place], self._last[place]
            self._count -= len(block)
            self._values.update(block)

    def _in_order(self) -> Iterator[tuple[str, Value | bytes]]:
        """Yield all names in the order of numbers, with their values as they are."""
        others = sorted(self._values, key=_order, reverse=True)
        for block, last in zip(self._blocks, self._last, strict=True):
            found: dict[str, Value | bytes] = {**_decoder.decode(block)}
            if others and _order(others[-1]) < last:
                while others and _order(others[-1]) < last:
                    name = others.pop()
                    found[name] = self._values[name]
                found = {name: found[name] for name in sorted(found, key=_order)}
            yield from found.items()
        yield from ((name, self._values[name]) for name in reversed(others))

    def _to_pack(self, unpacked: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
        """Yield the values that stay packed, in the order of names, and put the others into `unpacked`."""
        for name, value in self._in_order():
            if isinstance(value, bytes):
                yield name, value
            elif self.stays_packed(value):
                yield name, _encoder.encode(value)
            else:
                unpacked[name] = _encoder.encode(value)

    @classmethod
    def _decoded(cls, value: bytes) -> Value:
        decoded: Value = cls.decoder.decode(value)
        return decoded


def _order(name: str) -> tuple[int, str]:
    """Order numbers as numbers."""
    return len(name), name
