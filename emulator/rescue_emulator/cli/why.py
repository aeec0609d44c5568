"""`rescue why`: the reason for each status of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rescue_common.durations import format_duration
from rescue_console.labels import Labels
from rescue_emulator.cli.calls import connection_options, json_wanted, run_call
from rescue_emulator.cli.events import cause_with_setting
from rescue_emulator.cli.options import status_language
from rescue_emulator.cli.output import iso_time, json_line, print_lines
from rescue_protos.status_table import REMOVED

if TYPE_CHECKING:
    from rescue_client.journal import JournalLine, QueueChange


@click.command()
@click.argument("session")
@click.option("--technician", metavar="NAME", default="", help="Only what this technician's queue showed.")
@status_language
@connection_options
def why(session: str, technician: str, lang: str) -> None:
    """Explain why SESSION has its status: each change, its row in the published table, and what caused it.

    \b
    Example:
      rescue why 1001 --technician bob
    """
    from rescue_client.journal import JournalClient

    found = run_call(lambda connection: JournalClient(connection).explain(session, technician))
    changes = [(line, change) for line in found.lines for change in line.changes]
    if json_wanted():
        print_lines(json_line(_change_as_json(line, change, lang)) for line, change in changes)
        return
    now = {technician: found.participants.get(technician, REMOVED)} if technician else found.participants
    labels = Labels.of(lang)
    statuses = ", ".join(f"{name}: {labels.status(status)}" for name, status in now.items()) or "in nobody's queue"
    lines = [click.style(f"session {session} now  {statuses}", bold=True)]
    for line, change in changes:
        lines += _change_lines(line, change, labels)
    print_lines(lines)


def _change_as_json(line: JournalLine, change: QueueChange, lang: str) -> dict[str, object]:
    """Return one change with its reason, as one JSON object."""
    labels = Labels.of(lang)
    return {
        "event": "change",
        "session": line.stream,
        "technician": change.technician,
        "previous": change.previous,
        "status": change.status,
        "label": labels.status(change.status),
        "row": change.row,
        "heading": change.heading or None,
        "explanation": (labels.row(change.row) if change.row else "") or None,
        "cause": line.cause,
        "cause_event": line.name,
        "by": line.by or None,
        "setting": line.setting or None,
        "setting_value": None if line.setting_value is None else format_duration(line.setting_value),
        "revision": line.revision,
        "at": iso_time(line.at),
    }


def _change_lines(line: JournalLine, change: QueueChange, labels: Labels) -> list[str]:
    """Return one change with its reason, for people."""
    status = labels.status(change.status)
    if change.previous is None:
        heading = f"{status} (new in the queue)"
    else:
        heading = f"{labels.status(change.previous)} → {status} (row {change.row or '-'})"
    first = f"{iso_time(line.at)}  {change.technician}  {click.style(heading, bold=True)}"
    lines = [first, f"  because {cause_with_setting(line)}"]
    if change.row is not None and (explained := labels.row(change.row)):
        lines.append(f"  {explained}")
    return lines
