"""Pictures of full screens: what a person sees, drawn once, committed, and compared ever after.

The pictures are SVG files under `snapshots/`; `RESCUE_SNAPSHOTS=write` draws them anew. Look at them before you
commit them.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.app import App

from tests.tui.pictures import SNAPSHOTS

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
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
def looks_like() -> Callable[[App[Any], str], None]:
    """Compare what an app shows with the committed picture of that name."""

    def compare(app: App[Any], name: str) -> None:
        drawn = normalised(app.export_screenshot(title=name, simplify=True))
        paths = [SNAPSHOTS / f"{name}.svg", *([PICTURES / PUBLISHED[name]] if name in PUBLISHED else [])]
        for path in paths:
            if os.environ.get("RESCUE_SNAPSHOTS") == "write":
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
