"""`rescue wait`: wait for a status in a technician's queue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from rescue_common.cli_options import DURATION
from rescue_common.durations import format_duration
from rescue_emulator.cli.calls import connection_options, json_wanted, run_call
from rescue_emulator.cli.output import json_line, print_lines
from rescue_protos.explanations import LANGUAGES
from rescue_protos.status_table import REMOVED, REMOVED_TIMED_OUT, labels

if TYPE_CHECKING:
    from rescue_client.connection import Connection
    from rescue_client.journal import JournalLine, QueueChange

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


@click.command()
@click.argument("session")
@click.option("--technician", required=True, metavar="NAME", help="Whose queue.")
@click.option("--status", required=True, type=StatusName(), help='The status to wait for, for example "On Hold".')
@click.option("--timeout", type=DURATION, default="30s", show_default=True, help="How long to wait, in real time.")
@connection_options
def wait(session: str, technician: str, status: frozenset[str], timeout: timedelta) -> None:
    """Wait until a technician's queue shows a status for SESSION; at once if it does already.

    A status that the queue shows only for a moment counts too. Exit status 1 if the time is over first.

    \b
    Example:
      rescue wait 1001 --technician bob --status "On Hold" --timeout 30s
    """

    observer = _QueueObserver(technician=technician, wanted=status)

    async def observe(connection: Connection) -> None:
        # A timeout of 0 still allows one look at the present status, which takes some time.
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout.total_seconds() if timeout else None):
                await _require_technician(technician, connection)
                await observer.wait_for_status(connection, session, once=not timeout)

    run_call(observe, timeout=timeout)
    if observer.last not in status:
        wanted = " or ".join(sorted(status))
        is_now = f"it shows {observer.last}" if observer.last else "it never had it"
        raise click.ClickException(
            f"{technician}'s queue did not come to show {wanted} for session {session} "
            f"within {format_duration(timeout)}: {is_now}"
        )
    if json_wanted():
        shown: dict[str, object] = {
            "event": "status",
            "session": session,
            "technician": technician,
            "status": observer.last,
        }
        print_lines([json_line(shown)])


async def _require_technician(name: str, connection: Connection) -> None:
    """Raise ClickException for a technician who does not exist. Only an administrator knows all technicians."""
    from rescue_client.admin import AdminClient

    if not await connection.is_administrator():
        return
    groups = (await AdminClient(connection).organization()).groups
    technicians = sorted(technician for group in groups for technician in group.technicians)
    if name not in technicians:
        raise click.ClickException(f"there is no technician {name!r}; there are {', '.join(technicians)}")


@dataclass(slots=True, kw_only=True)
class _QueueObserver:
    """Follows one session in one technician's queue, until it has a wanted status."""

    technician: str
    wanted: frozenset[str]
    last: str | None = None

    async def wait_for_status(self, connection: Connection, session: str, *, once: bool) -> None:
        """Return when the queue shows a wanted status; with `once`, after one look."""
        from rescue_client.journal import JournalClient

        client = JournalClient(connection)
        explained = await client.explain(session)
        shown = [change.status for change in self._changes_of_technician(explained.lines)]
        # Only the present status counts, not the earlier ones.
        self.last = shown[-1] if shown else None
        if self.last in self.wanted or once:
            return
        async with aclosing(client.watch(explained.revision, session=session)) as pieces:
            async for piece in pieces:
                for change in self._changes_of_technician(piece.lines):
                    self.last = change.status
                    if self.last in self.wanted:
                        return

    def _changes_of_technician(self, lines: Iterable[JournalLine]) -> list[QueueChange]:
        return [change for line in lines for change in line.changes if change.technician == self.technician]
