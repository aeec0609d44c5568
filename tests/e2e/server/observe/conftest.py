"""A world whose server is told how it is to be seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from rescue_emulator.world.world import World

Watched = Callable[..., Awaitable[World]]


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    """Makes a world whose server runs with these options."""
    async with AsyncExitStack() as stack:

        async def make(*options: str) -> World:
            world = await stack.enter_async_context(World(paused=True))
            await world.restart_server("--paused", *options)
            return world

        yield make


def ready(world: World) -> dict[str, Any]:
    """What the server said when it was ready."""
    return dict(next(event for event in world.server.events if event["event"] == "ready"))


def log_lines(world: World) -> list[str]:
    """The server's log so far."""
    prefix = "  server | "
    return [line.removeprefix(prefix) for line in world.server.log_tail(200).splitlines()]


def json_lines(world: World) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log_lines(world)]


def refused_start(tmp_path: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a server that cannot start, and return how it ended."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("RESCUE_", "OTEL_"))}
    return subprocess.run(
        [sys.executable, "-m", "rescue_server", "--data", str(tmp_path / "data"), *options],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )


def without(package: str, tmp_path: Path) -> str:
    """A PYTHONPATH on which a package is not to be had."""
    place = tmp_path / "absent"
    (place / package).mkdir(parents=True)
    (place / package / "__init__.py").write_text(f"raise ModuleNotFoundError(name={package!r})\n", encoding="utf-8")
    return os.pathsep.join([str(place), *filter(None, [os.environ.get("PYTHONPATH")])])
