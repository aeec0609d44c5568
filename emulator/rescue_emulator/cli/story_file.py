"""The argument of `rescue scenario`: a file, or the name of a bundled story."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from rescue_emulator.scenarios.bundled import bundled_stories


class StoryFile(click.ParamType[Path]):
    """Converts to the path of a file that exists. A file of the user wins over a bundled story of the same name."""

    name = "story"

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(value)
        if path.is_file():
            return path
        stories = bundled_stories()
        if str(value) in stories:
            return stories[str(value)]
        if path.exists():
            raise click.BadParameter(f"{str(value)!r} is no file.", ctx, param)
        known = ", ".join(stories)
        wrong = f"File {str(value)!r} does not exist, and no bundled story has that name ({known})."
        raise click.BadParameter(wrong, ctx, param)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        names = [CompletionItem(name) for name in bundled_stories() if name.startswith(incomplete)]
        return [*names, CompletionItem(incomplete, type="file")]
