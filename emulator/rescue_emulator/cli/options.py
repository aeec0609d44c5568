"""Options that several subcommands have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from rescue_common.languages import LANGUAGES, language_of_environment

Command = TypeVar("Command", bound=Callable[..., Any])


def file_option(name: str) -> Callable[[Command], Command]:
    """Return the option for the file to write, the argument `file` of the command; without it, stdout."""
    return click.option(
        name,
        "file",
        type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
        default="-",
        show_default="stdout",
        metavar="FILE",
        help="The file to write.",
    )


status_language = click.option(
    "--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the statuses."
)
console_language = click.option(
    "--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="The consoles' language."
)
text_language = click.option(
    "--lang", type=click.Choice(LANGUAGES), default=language_of_environment, help="Language of the texts."
)
