"""`rescue events`: print or follow the journal."""

from __future__ import annotations

from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from rescue_common.durations import format_duration
from rescue_emulator.cli.calls import connection_options, json_wanted, run_call
from rescue_emulator.cli.output import iso_time, json_line, print_lines

if TYPE_CHECKING:
    from rescue_client.connection import Connection
    from rescue_client.journal import JournalLine

RECONNECT_TIMEOUT = timedelta(seconds=30)
"""How long, in real time, `--follow` waits for a server that cannot be reached."""


@click.command()
@click.option("--follow", is_flag=True, help="Also print what happens from now on, until interrupted.")
@click.option(
    "--since", type=click.IntRange(min=0), default=0, metavar="REVISION", help="Only events after this revision."
)
@click.option("--session", default="", help="Only this session's events.")
@connection_options
def events(follow: bool, since: int, session: str) -> None:
    """Print the journal: what happened, in order. `rescue replay` and `rescue coverage` read the output of --json.

    \b
    Examples:
      rescue events --json > journal.jsonl
      rescue events --follow --session 1001
    """
    as_json = json_wanted()

    async def print_journal(connection: Connection) -> None:
        from rescue_client.journal import JournalClient

        client = JournalClient(connection)
        if session:
            await client.explain(session)  # a session that does not exist is said at once
        pieces = client.watch(since, session=session) if follow else client.read(since, session=session)
        async with aclosing(pieces):
            async for piece in pieces:
                print_lines(json_line(line.as_json()) if as_json else _journal_line(line) for line in piece.lines)

    run_call(print_journal, timeout=RECONNECT_TIMEOUT if follow else timedelta(0))


def _journal_line(line: JournalLine) -> str:
    changes = "; ".join(
        f"{change.technician}: {change.previous + ' → ' if change.previous else ''}{change.status}"
        + (f" ({change.row})" if change.row else "")
        for change in line.changes
    )
    what = f"{line.revision:>6}  {iso_time(line.at)}  {line.stream:<12}  {cause_with_setting(line)}"
    return f"{what}  [{changes}]" if changes else what


def cause_with_setting(line: JournalLine) -> str:
    """Return the cause, with the setting and its value if a setting decided the moment."""
    if line.setting and line.setting_value is not None:
        return f"{line.cause} ({line.setting}: {format_duration(line.setting_value)})"
    return line.cause
