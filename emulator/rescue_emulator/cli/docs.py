"""`rescue docs`: print the parts of the documentation that are made from the published table."""

from __future__ import annotations

from pathlib import Path

import click

from rescue_emulator.cli.options import file_option, status_language
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
@file_option("--output")
@status_language
def statechart(how: str, file: Path, lang: str) -> None:
    """Draw the published table: which status may follow which, each change with its row.

    \b
    Example:
      rescue docs statechart --format svg --output statuses.svg
    """
    from rescue_emulator.pictures.statechart import Format
    from rescue_emulator.pictures.statechart import statechart as drawn

    write_text(drawn(Format(how), lang=lang), file)


@docs.command()
@click.option(
    "--out",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="The directory to write to; it is made if it is missing.",
)
def proto(directory: Path) -> None:
    """Write the contract's .proto files, for compilers of other languages.

    They get the folders that their imports name, so DIR is what `protoc` takes as -I.

    \b
    Example:
      rescue docs proto --out proto
    """
    from importlib import resources

    contract = resources.files("rescue_protos").joinpath("v1")
    target = directory / "rescue_protos" / "v1"
    try:
        target.mkdir(parents=True, exist_ok=True)
        for file in contract.iterdir():
            if file.name.endswith(".proto"):
                (target / file.name).write_bytes(file.read_bytes())
    except OSError as error:
        raise click.ClickException(f"{error.filename or target}: {error.strerror or error}") from None
    click.echo(f"wrote {target}", err=True)
