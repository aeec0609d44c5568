"""Options that several subcommands have in common."""

from __future__ import annotations

import click

from rescue_common.languages import LANGUAGES

picture_language = click.option(
    "--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the statuses."
)
console_language = click.option(
    "--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the consoles."
)
