"""What blocks the server's loop is measured, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import time

from rescue_server.observe.loop_blocks import LOOK_EVERY, LoopBlocks


async def test_a_block_of_the_loop_is_measured_from_when_others_wait() -> None:
    callbacks = list(gc.callbacks)
    blocks = LoopBlocks()
    blocks.start()
    await asyncio.sleep(2 * LOOK_EVERY)
    time.sleep(0.1)  # noqa: ASYNC251  # this is the block
    await asyncio.sleep(2 * LOOK_EVERY)
    assert blocks.longest["any"] >= 0.1 - LOOK_EVERY
    assert blocks.longest["garbage"] < blocks.longest["any"]
    gc.collect()
    assert blocks.longest["garbage"] > 0
    for seconds in (0.2, 0.1):
        blocks.record("publishing", seconds)
    assert blocks.longest["publishing"] == 0.2
    blocks.stop()
    blocks.stop()
    assert gc.callbacks == callbacks
