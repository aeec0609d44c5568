"""The garbage collector stays out of the way, and yet comes."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys

import pytest

from rescue_server.startup.garbage import FEW, LATEST, YOUNG, collect_regularly

TUNED = """
import gc
from rescue_server.startup.garbage import postpone, tune
postpone()
kept = [[number] for number in range(20_000)]
tune()
collected = []
gc.callbacks.append(lambda phase, info: collected.append(info["generation"]))
more = [[number] for number in range(500_000)]
print(gc.get_freeze_count() > 20_000, 2 in collected, 0 in collected)
"""


def test_what_was_loaded_is_frozen_and_nothing_leads_to_a_full_collection() -> None:
    told = subprocess.run([sys.executable, "-c", TUNED], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["True", "False", "True"], "frozen, a full collection, one of young objects"
    assert gc.get_threshold()[0] != YOUNG, "only a server of its own is tuned"


@pytest.mark.parametrize(("attached", "rounds"), [(FEW, 1), (FEW + 1, LATEST + 1)])
async def test_a_full_collection_waits_for_few_applets_but_not_for_ever(attached: int, rounds: int) -> None:
    looked = 0
    collected = asyncio.Event()

    def look() -> int:
        nonlocal looked
        looked += 1
        return attached

    work = asyncio.ensure_future(collect_regularly(look, every=0.0, collect=collected.set))
    async with asyncio.timeout(20):
        await collected.wait()
    work.cancel()
    assert looked == rounds
