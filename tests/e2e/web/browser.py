"""What the browser tests share: the site that they open, and the sizes of its screens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from rescue_common.processes.child import Program
from rescue_emulator import World

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
Opening = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A world and the companion that shows it; `url` ends with a slash."""

    world: World
    program: Program
    url: str
    secrets: dict[str, str]
