"""The order in which people expect names: tech2 before tech10, whatever the letters' case."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"([0-9]+)")


def natural_key(name: str) -> tuple[tuple[int, str, int], ...]:
    """Return the key by which `sorted` puts names into their natural order."""
    pieces = _DIGITS.split(name.casefold())
    return tuple((0, "", int(piece)) if place % 2 else (1, piece, 0) for place, piece in enumerate(pieces) if piece)
