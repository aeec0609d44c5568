"""`rescue why`, `rescue events` and `rescue wait`: what people type, and what is printed."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from rescue_common.durations import BadDuration, format_duration, parse_duration
from rescue_emulator.cli.admin import kept, reaching, run_call
from rescue_protos.explanations import LANGUAGES, explanation
from rescue_protos.status_table import REMOVED, REMOVED_TIMED_OUT, labels, read_rows

if TYPE_CHECKING:
    from rescue_client.connection import Connection
    from rescue_client.journal import JournalLine, QueueChange

PATIENCE = timedelta(seconds=30)
"""For how long, in real time, a follower waits for a server that is away."""

_REMOVED_EITHER_WAY = "removed"


class StatusName(click.ParamType[frozenset[str]]):
    """A status by its published name, English or Dutch, in any case; `removed` is either way of leaving the queue."""

    name = "status"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[str]:
        if isinstance(value, frozenset):
            return value
        wanted = str(value).strip().casefold()
        if wanted == _REMOVED_EITHER_WAY:
            return frozenset({REMOVED, REMOVED_TIMED_OUT})
        for lang in LANGUAGES:
            for name, label in labels(lang).items():
                if label.casefold() == wanted:
                    return frozenset({name})
        possible = ", ".join([*labels("en"), _REMOVED_EITHER_WAY])
        raise click.BadParameter(f"{value!r} is no status (possible: {possible})", ctx, param)


def _duration(ctx: click.Context, param: click.Parameter, value: str) -> timedelta:
    try:
        return parse_duration(value)
    except BadDuration as error:
        raise click.BadParameter(str(error), ctx, param) from None


@click.command()
@click.argument("session")
@click.option("--technician", metavar="NAME", default="", help="Only what this technician's queue showed.")
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the statuses.")
@reaching
def why(session: str, technician: str, lang: str) -> None:
    """Tell why SESSION is in its status: each change, its row in the published table, and what caused it.

    \b
    Example:
      rescue why 1001 --technician bob
    """
    from rescue_client.journal import JournalClient

    found = run_call(lambda connection: JournalClient(connection).explain(session, technician))
    told = [(line, change) for line in found.lines for change in line.changes]
    if kept(click.get_current_context(), "json"):
        _print(_json(_reason(line, change, lang)) for line, change in told)
        return
    now = {technician: found.participants.get(technician, REMOVED)} if technician else found.participants
    names = labels(lang)
    shown = ", ".join(f"{name}: {names[status]}" for name, status in now.items()) or "in nobody's queue"
    lines = [click.style(f"session {session} now  {shown}", bold=True)]
    for line, change in told:
        lines += _told(line, change, lang)
    _print(lines)


@click.command()
@click.option("--follow", is_flag=True, help="Go on with what happens, until interrupted.")
@click.option("--since", type=click.IntRange(min=0), default=0, metavar="REVISION", help="Only what came after it.")
@click.option("--session", default="", help="Only this session's events.")
@reaching
def events(follow: bool, since: int, session: str) -> None:
    """Print the journal: what happened, in order. With --json it is what `rescue replay` and `rescue coverage` read.

    \b
    Examples:
      rescue events --json > journal.jsonl
      rescue events --follow --session 1001
    """
    as_json = bool(kept(click.get_current_context(), "json"))

    async def printed(connection: Connection) -> None:
        from rescue_client.journal import JournalClient

        client = JournalClient(connection)
        pieces = client.watch(since, session=session) if follow else client.read(since, session=session)
        async with aclosing(pieces):
            async for piece in pieces:
                _print(_json(line.as_json()) if as_json else _journal_line(line) for line in piece.lines)

    run_call(printed, patience=PATIENCE if follow else timedelta(0))


@click.command()
@click.argument("session")
@click.option("--technician", required=True, metavar="NAME", help="Whose queue.")
@click.option("--status", required=True, type=StatusName(), help='What it is to show, for example "On Hold".')
@click.option("--timeout", default="30s", show_default=True, callback=_duration, help="For how long, in real time.")
@reaching
def wait(session: str, technician: str, status: frozenset[str], timeout: timedelta) -> None:
    """Wait until a technician's queue shows a status for SESSION; at once if it does already.

    A status that is passed through while waiting counts too. Exit status 1 if the time is over before.

    \b
    Example:
      rescue wait 1001 --technician bob --status "On Hold" --timeout 30s
    """

    queue = _Queue(technician=technician, wanted=status)

    async def watched(connection: Connection) -> None:
        # Without any time, what is shown now still counts, and asking for that takes some.
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout.total_seconds() if timeout else None):
                await queue.watch(connection, session, once=not timeout)

    run_call(watched, patience=timeout)
    if queue.last not in status:
        wanted = " or ".join(sorted(status))
        is_now = f"it shows {queue.last}" if queue.last else "it never had it"
        raise click.ClickException(
            f"{technician}'s queue did not come to show {wanted} for session {session} "
            f"within {format_duration(timeout)}: {is_now}"
        )
    if kept(click.get_current_context(), "json"):
        shown: dict[str, object] = {
            "event": "status",
            "session": session,
            "technician": technician,
            "status": queue.last,
        }
        _print([_json(shown)])


@dataclass(slots=True, kw_only=True)
class _Queue:
    """What a technician's queue shows of a session, until it is what is wanted."""

    technician: str
    wanted: frozenset[str]
    last: str | None = None

    async def watch(self, connection: Connection, session: str, *, once: bool) -> None:
        """Return when the queue shows what is wanted; with `once` after the first look."""
        from rescue_client.journal import JournalClient

        client = JournalClient(connection)
        explained = await client.explain(session)
        shown = [change.status for change in self._mine(explained.lines)]
        # Only what it shows now counts, not what it showed before.
        self.last = shown[-1] if shown else None
        if self.last in self.wanted or once:
            return
        async with aclosing(client.watch(explained.revision, session=session)) as pieces:
            async for piece in pieces:
                for change in self._mine(piece.lines):
                    self.last = change.status
                    if self.last in self.wanted:
                        return

    def _mine(self, lines: Iterable[JournalLine]) -> list[QueueChange]:
        return [change for line in lines for change in line.changes if change.technician == self.technician]


def _reason(line: JournalLine, change: QueueChange, lang: str) -> dict[str, object]:
    """One change with its reason, as one JSON object."""
    return {
        "event": "change",
        "session": line.stream,
        "technician": change.technician,
        "previous": change.previous,
        "status": change.status,
        "label": labels(lang)[change.status],
        "row": change.row,
        "heading": change.heading or None,
        "explanation": explanation(change.row, lang) if change.row else None,
        "cause": line.cause,
        "cause_event": line.name,
        "by": line.by or None,
        "setting": line.setting or None,
        "setting_value": None if line.setting_value is None else format_duration(line.setting_value),
        "revision": line.revision,
        "at": _instant(line.at),
    }


def _told(line: JournalLine, change: QueueChange, lang: str) -> list[str]:
    """One change with its reason, for people."""
    if change.row is None:
        heading = f"{labels(lang)[change.status]} (new in the queue)"
    else:
        row = read_rows()[change.row - 1]
        start, end = (row.start, row.end) if lang == "en" else (row.start_nl, row.end_nl)
        heading = f"{start} → {end} (row {row.row})"
    first = f"{_instant(line.at)}  {change.technician}  {click.style(heading, bold=True)}"
    told = [first, f"  because {_cause(line)}"]
    if change.row is not None:
        told.append(f"  {explanation(change.row, lang)}")
    return told


def _cause(line: JournalLine) -> str:
    if line.setting and line.setting_value is not None:
        return f"{line.cause} ({line.setting}: {format_duration(line.setting_value)})"
    return line.cause


def _journal_line(line: JournalLine) -> str:
    changes = "; ".join(
        f"{change.technician}: {change.previous + ' → ' if change.previous else ''}{change.status}"
        + (f" ({change.row})" if change.row else "")
        for change in line.changes
    )
    what = f"{line.revision:>6}  {_instant(line.at)}  {line.stream:<12}  {_cause(line)}"
    return f"{what}  [{changes}]" if changes else what


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _json(found: dict[str, object]) -> str:
    """One line of JSON; what a terminal would take for a command (chat can hold it) is written as an escape."""
    return re.sub("[\x7f-\x9f]", lambda c: f"\\u{ord(c[0]):04x}", json.dumps(found, ensure_ascii=False))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)
