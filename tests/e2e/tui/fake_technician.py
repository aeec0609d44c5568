"""Somebody in front of a full screen: presses keys, reads what stands there, and waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot

PATIENCE = 60.0
"""Real seconds, for a busy machine."""


class Reader:
    """Somebody who presses keys and reads the screen."""

    def __init__(self, app: App[Any], pilot: Pilot[Any]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def screen(self) -> str:
        """What stands on the screen now, line by line, a dialog's lines alone while there is one."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    @property
    def messages(self) -> list[str]:
        return [note.message for note in self.app._notifications]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def write(self, text: str) -> None:
        await self.pilot.press(*("space" if char == " " else char for char in text), "enter")

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until a condition holds; what stands on the screen tells why it did not."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    await self.pilot.pause(0.05)
        except TimeoutError:
            pytest.fail(f"never {what or 'so'}; messages {self.messages}\n{self.screen}")

    async def reads(self, *texts: str) -> None:
        await self.until(lambda: all(text in self.screen for text in texts), f"on the screen: {texts}")

    async def is_told(self, *texts: str) -> None:
        def told() -> bool:
            return any(all(text in message for text in texts) for message in self.messages)

        await self.until(told, f"told {texts}")
