"""Waiting while other work runs in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any


async def until(work: Sequence[asyncio.Future[Any]], *ends: Awaitable[Any]) -> None:
    """Wait until one of `ends` comes. Raises the error of a part of the work that fails before.

    A part may be done before: some have work only after a start. The ends that did not come are cancelled.
    """
    ending = [asyncio.ensure_future(end) for end in ends]
    watched: set[asyncio.Future[Any]] = {*ending, *work}
    try:
        while not any(end.done() for end in ending):
            done, watched = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
    finally:
        for end in ending:
            end.cancel()
