"""The cable is off and on in turn: how long each time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from random import Random

from rescue_common.lan_notation import Flap, Span


def turns(fault: Flap, random: Random) -> Iterator[tuple[timedelta, timedelta]]:
    """Yield for how long (emulated) it is off, then on, turn after turn."""
    for _ in count() if fault.times is None else range(fault.times):
        yield _drawn(fault.off, random), _drawn(fault.on, random)


def _drawn(span: Span, random: Random) -> timedelta:
    # Whole milliseconds, so that a person can read them and a replay is exact.
    spread = (span.longest - span.shortest) // timedelta(milliseconds=1)
    return span.shortest + timedelta(milliseconds=random.randint(0, spread)) if spread else span.shortest
