"""Which request ids were used: a set that can say "perhaps" and never forgets, in a fixed amount of memory.

Each id sets one bit of a large field. Two ids may share a bit: then a fresh request is taken for one that may have been
answered, and the store is asked, which is slower and not wrong. With a million ids that happens to one in sixteen.
"""

from __future__ import annotations

BITS = 1 << 24


class RequestIds:
    """Ids of requests, each with its principal. The memory is taken as bits are set."""

    def __init__(self, bits: int = BITS) -> None:
        self._bits = bits
        self._field = bytearray(bits // 8)

    def add(self, key: tuple[str, str]) -> None:
        """Record that this id was used."""
        byte, bit = divmod(hash(key) % self._bits, 8)
        self._field[byte] |= 1 << bit

    def may_hold(self, key: tuple[str, str]) -> bool:
        """Whether the id may have been used. False is certain."""
        byte, bit = divmod(hash(key) % self._bits, 8)
        return bool(self._field[byte] >> bit & 1)
