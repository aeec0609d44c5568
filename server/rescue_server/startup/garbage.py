"""When Python looks for garbage in cycles: never when it would hold up everybody.

A full collection looks at every object that lives. With 10,000 applets that takes most of a second, happens again and
again while they attach, and finds a few dozen objects. So what the start has loaded is not looked at any more, young
objects are looked at in small groups, and a full collection comes at its own times.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

YOUNG = 5_000  # new objects before the youngest are looked at: a millisecond
GROUPS = 4  # such looks before their survivors are looked at again
NEVER = 1_000_000
EVERY = 3600.0  # real seconds between full collections
FEW = 500  # attached applets with which a full collection takes less than 50 ms
LATEST = 24  # full collections that may be left out because too many applets are attached


def postpone() -> None:
    """Collect nothing until `tune`: nothing that is loaded is garbage, and to look takes as long as to load."""
    gc.disable()


def begin_anew() -> None:
    """Collect what is left of an earlier state, which was taken out of all collections; then nothing until `tune`."""
    gc.unfreeze()
    gc.collect()
    postpone()


def tune() -> None:
    """Take what lives now out of all collections to come, and make those small."""
    gc.freeze()
    gc.set_threshold(YOUNG, GROUPS, NEVER)
    gc.enable()


async def collect_regularly(
    attached: Callable[[], int], *, every: float = EVERY, collect: Callable[[], object] = gc.collect
) -> None:
    """Collect everything now and then, while few applets are attached if possible, until cancelled."""
    left_out = 0
    while True:
        await asyncio.sleep(every)
        if attached() > FEW and left_out < LATEST:
            left_out += 1
            continue
        collect()
        left_out = 0
