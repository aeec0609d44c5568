"""The plugin's fixture for async tests; loaded if pytest-asyncio is installed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from rescue_emulator.pytest.worlds import new_world

if TYPE_CHECKING:
    from rescue_emulator.world.world import World


@pytest_asyncio.fixture
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A world for an async test."""
    async with new_world(request) as found:
        yield found
