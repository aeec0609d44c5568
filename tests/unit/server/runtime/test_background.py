"""A part that is done is no reason to end; one that fails is."""

from __future__ import annotations

import asyncio

import pytest

from rescue_server.runtime.background import until

PATIENCE = 10.0


async def done_at_once() -> None:
    pass


async def fails() -> None:
    raise ValueError("broken")


async def test_a_part_that_is_done_ends_nothing() -> None:
    end = asyncio.Event()
    waiting = asyncio.create_task(until([asyncio.create_task(done_at_once())], end.wait()))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    end.set()
    async with asyncio.timeout(PATIENCE):
        await waiting


async def test_a_part_that_fails_is_told() -> None:
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(ValueError, match="broken"):
            await until([asyncio.create_task(done_at_once()), asyncio.create_task(fails())], asyncio.Event().wait())


async def test_the_ends_that_did_not_come_are_cancelled() -> None:
    other = asyncio.create_task(asyncio.Event().wait())
    async with asyncio.timeout(PATIENCE):
        await until([], done_at_once(), other)
        with pytest.raises(asyncio.CancelledError):
            await other
