"""The stories that come with the package; each can be played by its name."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def bundled_stories() -> dict[str, Path]:
    """Return the files by the stories' names, sorted."""
    directory = Path(str(resources.files("rescue_emulator.scenarios") / "stories"))
    return {path.stem: path for path in sorted(directory.glob("*.yaml"))}
