"""What the browser tests share: the site that they open, and the sizes of its screens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from rescue_common.processes.child import Program
from rescue_emulator import World

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
Opening = Callable[..., Awaitable[Any]]


async def until(page: Any, expression: str) -> None:
    """Wait until an expression is true in the page.

    What Playwright has for this lets the page itself evaluate a text, which its Content-Security-Policy forbids.
    """
    async with asyncio.timeout(60):
        while not await page.evaluate(expression):
            await page.wait_for_timeout(50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A world and the companion that shows it; `url` ends with a slash."""

    world: World
    program: Program
    url: str
    secrets: dict[str, str]
