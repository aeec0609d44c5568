"""`rescue timeline` and `rescue docs`: what people type for pictures of a session and of the published table."""

from __future__ import annotations

from pathlib import Path

import click

from rescue_emulator.cli.admin import reaching, run_call

_LANG = click.option(
    "--lang", type=click.Choice(["en", "nl"]), default="en", show_default=True, help="Language of the statuses."
)


@click.command()
@click.argument("session")
@click.option(
    "--svg",
    "file",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    default="-",
    show_default="stdout",
    metavar="FILE",
    help="Where the picture is written.",
)
@_LANG
@reaching
def timeline(session: str, file: Path, lang: str) -> None:
    """Draw the timeline of SESSION: a lane per technician, the customer's link below, time along the axis.

    The picture is an SVG that needs nothing but itself; pointing at a status tells why.

    \b
    Example:
      rescue timeline 1001 --svg call.svg
    """
    from rescue_console.timeline_picture import timeline_svg
    from rescue_console.timeline_reader import history_of

    happenings = run_call(lambda caller: history_of(session, caller))
    _write(timeline_svg(happenings, session=session, lang=lang), file)


@click.group()
def docs() -> None:
    """Print what the documentation is made of.

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
    help="How the picture is written.",
)
@click.option(
    "--output",
    "file",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    default="-",
    show_default="stdout",
    metavar="FILE",
    help="Where the picture is written.",
)
@_LANG
def statechart(how: str, file: Path, lang: str) -> None:
    """Draw the published table: which status may follow which, each change with its row.

    \b
    Example:
      rescue docs statechart --format svg --output statuses.svg
    """
    from rescue_emulator.pictures.statechart import Format
    from rescue_emulator.pictures.statechart import statechart as drawn

    _write(drawn(Format(how), lang=lang), file)


def _write(text: str, file: Path) -> None:
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror or error}") from None
    click.echo(f"wrote {file}", err=True)
