"""Tasks that nobody awaits go on, and end together."""

from __future__ import annotations

import asyncio
import gc
import weakref

from rescue_common.background_tasks import BackgroundTasks


async def test_a_task_is_held_until_it_is_done() -> None:
    tasks = BackgroundTasks()

    async def work() -> None:
        await asyncio.get_running_loop().create_future()  # nobody else holds what it waits for

    held = weakref.ref(tasks.start(work()))
    await asyncio.sleep(0)
    gc.collect()
    assert held() is not None
    await tasks.end()


async def test_whoever_ends_them_waits_for_what_they_do_last() -> None:
    tasks = BackgroundTasks()
    steps: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("cleaned up")

    tasks.start(work())
    await asyncio.sleep(0)
    await tasks.end()
    assert steps == ["cleaned up"]
