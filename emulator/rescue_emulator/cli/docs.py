"""`rescue docs`: print the parts of the documentation that are made from the published table."""

from __future__ import annotations

from pathlib import Path

import click

from rescue_emulator.cli.options import picture_language
from rescue_emulator.cli.output import write_text


@click.group()
def docs() -> None:
    """Print parts of the documentation.

    \b
    Example:
      rescue docs statechart --format mermaid
    """


@docs.command()
@click.option(
    "--format",
    "how",
    type=click.Choice(["mermaid", "dot", "svg"]),
    default="mermaid",
    show_default=True,
    help="Format of the picture.",
)
@click.option(
    "--output",
    "file",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    default="-",
    show_default="stdout",
    metavar="FILE",
    help="The file to write.",
)
@picture_language
def statechart(how: str, file: Path, lang: str) -> None:
    """Draw the published table: which status may follow which, each change with its row.

    \b
    Example:
      rescue docs statechart --format svg --output statuses.svg
    """
    from rescue_emulator.pictures.statechart import Format
    from rescue_emulator.pictures.statechart import statechart as drawn

    write_text(drawn(Format(how), lang=lang), file)
