"""Parts of messages as protobuf writes them, to put together messages of parts that are serialized already.

The bytes of a message's fields, one after the other, are the message. So a message with some fields, followed by the
bytes of others, is a message with all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def field(number: int, content: bytes) -> bytes:
    """Return a field that holds a message, as protobuf writes it: the tag, the length, the message."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def unless_bytes(serializer: Any) -> Callable[[Any], bytes]:
    """Return a serializer that lets pass what is serialized already: others get the same, or it was made in parts."""

    def serialize(message: Any) -> bytes:
        serialized: bytes = message if isinstance(message, bytes) else serializer(message)
        return serialized

    return serialize


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)
