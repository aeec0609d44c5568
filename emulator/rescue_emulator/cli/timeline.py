"""`rescue timeline`: draw one session as SVG."""

from __future__ import annotations

from pathlib import Path

import click

from rescue_emulator.cli.calls import connection_options, run_call
from rescue_emulator.cli.options import file_option, status_language
from rescue_emulator.cli.output import write_text


@click.command()
@click.argument("session")
@file_option("--svg")
@status_language
@connection_options
def timeline(session: str, file: Path, lang: str) -> None:
    """Draw the timeline of SESSION: a lane per technician, the customer's link below, time along the axis.

    The picture is one SVG file. Point at a status to see its cause.

    \b
    Example:
      rescue timeline 1001 --svg call.svg
    """
    from rescue_console.timeline import history_of
    from rescue_console.timeline_svg import timeline_svg

    happenings = run_call(lambda connection: history_of(session, connection))
    write_text(timeline_svg(happenings, session=session, lang=lang), file)
