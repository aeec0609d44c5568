"""Pictures of full screens: what a person sees, drawn once, committed, and compared ever after.

The pictures are SVG files under `snapshots/`; `RESCUE_SNAPSHOTS=write` draws them anew. Look at them before you
commit them.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.e2e.tui.pictures import SNAPSHOTS

_PATIENCE = 200  # twentieths of a second, for a busy machine
_SETTLED = 10

PICTURES = Path(__file__).parents[3] / "docs" / "pictures"
PUBLISHED = {
    "queue-en-80x24": "console.svg",
    "queue-nl-80x24": "console-nl.svg",
    "pin-en-80x24": "new-pin.svg",
    "computer-helped-en-80x24": "computer.svg",
    "computer-lost-en-80x24": "computer-lan-off.svg",
}
"""Those that the README shows, kept the same by the same test."""

_VOLATILE = re.compile(r"terminal-\d+")
"""Rich names its styles after a hash that is another with each change of the text: of no use in a diff."""


def normalised(svg: str) -> str:
    """Return the picture without what differs from one drawing to the next."""
    return "\n".join(line.rstrip() for line in _VOLATILE.sub("terminal", svg).splitlines()) + "\n"


@pytest.fixture
def looks_like() -> Callable[[Pilot[Any], str], Awaitable[None]]:
    """Compare what an app comes to show with the committed picture of that name."""

    async def settled(pilot: Pilot[Any], name: str, kept: str) -> str:
        """What the screen shows as soon as it is what was kept, else when it has not changed for a while."""
        drawn, unchanged = "", 0
        for _ in range(_PATIENCE):
            before, drawn = drawn, normalised(pilot.app.export_screenshot(title=name, simplify=True))
            unchanged = unchanged + 1 if drawn == before else 0
            if drawn == kept or (not kept and unchanged == _SETTLED):
                break
            await pilot.pause(0.05)
        return drawn

    async def compare(pilot: Pilot[Any], name: str) -> None:
        for field in pilot.app.screen.query(Input):
            field.cursor_blink = False
        writes = os.environ.get("RESCUE_SNAPSHOTS") == "write"
        kept = "" if writes else (SNAPSHOTS / f"{name}.svg").read_text(encoding="utf-8")
        drawn = await settled(pilot, name, kept)
        paths = [SNAPSHOTS / f"{name}.svg", *([PICTURES / PUBLISHED[name]] if name in PUBLISHED else [])]
        for path in paths:
            if writes:
                path.parent.mkdir(exist_ok=True)
                path.write_text(drawn, encoding="utf-8")
            kept = path.read_text(encoding="utf-8")
            if drawn != kept:
                difference = difflib.unified_diff(_words(kept), _words(drawn), "kept", "drawn", lineterm="", n=1)
                shown = "\n".join(difference)[:4000]
                pytest.fail(f"{path.name} looks different; if that is meant: RESCUE_SNAPSHOTS=write\n{shown}")

    return compare


def _words(svg: str) -> list[str]:
    return [line.replace("&#160;", " ") for line in svg.splitlines()]
