"""`rescue conformance`: play each published row, and report whether the consoles showed what they should."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rescue_common.languages import LANGUAGES
from rescue_common.signals import Terminated, run_until_signalled
from rescue_emulator.cli.output import count

if TYPE_CHECKING:
    from rescue_emulator.conformance.runner import RowOutcome

LAST_ROW = 62


class Rows(click.ParamType[tuple[int, ...]]):
    """Rows of the table, written like `1,6,20-28`."""

    name = "rows"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        rows: set[int] = set()
        for part in str(value).split(","):
            found = re.fullmatch(r"\s*(\d{1,3})\s*(?:-\s*(\d{1,3})\s*)?", part)
            first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
            if not 1 <= first <= last <= LAST_ROW:
                self.fail(f"{part!r} is no row or range of rows from 1 to {LAST_ROW}, like 6 or 20-28")
            rows.update(range(first, last + 1))
        return tuple(sorted(rows))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rows", type=Rows(), default=f"1-{LAST_ROW}", help="Which rows, like 1,6,20-28; all by default.")
@click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    default="en",
    show_default=True,
    help="The consoles' language; their labels are compared with the table's.",
)
@click.option("--report", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write an HTML page.")
@click.option("--lanes", type=click.IntRange(1, 16), help="How many worlds play at the same time.")
@click.option("--api", is_flag=True, help="Read each status through the public API, too, and compare.")
@click.option(
    "--servers",
    type=click.IntRange(1, 5),
    default=1,
    show_default=True,
    help="How many servers each world has; its programs call one or another.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a row.")
def conformance(
    *, rows: tuple[int, ...], lang: str, report: Path | None, lanes: int | None, api: bool, servers: int, as_json: bool
) -> int:
    """Play each of the table's rows, by the steps that the article gives, with real programs.

    A row is as published if every console showed exactly the expected changes, each with the table's row and name. Exit
    status 1 if a row falls short.

    \b
    Example:
      rescue conformance --rows 6,22,28-33 --report conformance.html
      rescue conformance --rows 12,15 --api
    """
    from rescue_common.processes.child import ProgramEnded
    from rescue_emulator.conformance.report import as_html, sum_up
    from rescue_emulator.conformance.runner import default_lanes

    if report is not None and not report.parent.is_dir():  # refused now, not after a minute of playing
        raise click.FileError(str(report), "there is no such directory")
    lanes = min(lanes or default_lanes(), len(rows))
    _print_message(f"{count(len(rows), 'row')} in {count(lanes, 'lane')}: starting a server and consoles for each")
    began = time.monotonic()
    try:
        outcomes = run_until_signalled(
            _play(rows, lang=lang, lanes=lanes, api=api, servers=servers, printer=_Printer(len(rows), as_json=as_json))
        )
    except Terminated:
        raise KeyboardInterrupt from None  # SIGTERM: all worlds were ended before the end of the run
    except (ProgramEnded, TimeoutError) as error:
        raise click.ClickException(f"the programs could not be started: {error}") from None
    seconds = time.monotonic() - began
    if report is not None:
        try:
            report.write_text(as_html(outcomes, lang=lang, seconds=seconds), encoding="utf-8")
        except OSError as error:
            raise click.FileError(str(report), error.strerror) from None
    _print_message(f"{sum_up(outcomes)} rows as published, in {seconds:.0f} s" + (f"; see {report}" if report else ""))
    return 0 if all(outcome.ok for outcome in outcomes) else 1


async def _play(
    rows: tuple[int, ...], *, lang: str, lanes: int, api: bool, servers: int, printer: _Printer
) -> tuple[RowOutcome, ...]:
    from rescue_emulator.conformance.runner import play_rows

    return await play_rows(
        rows,
        lang=lang,
        lanes=lanes,
        api=api,
        servers=servers,
        on_outcome=printer.print,
        on_message=_print_message,
    )


class _Printer:
    """Prints each row's outcome on stdout, and progress on stderr if stdout is not a terminal."""

    def __init__(self, total: int, *, as_json: bool) -> None:
        self._total = total
        self._as_json = as_json
        self._printed = 0
        self._counts = sys.stderr.isatty() and not sys.stdout.isatty()

    def print(self, outcome: RowOutcome) -> None:
        from rescue_emulator.conformance import report

        self._printed += 1
        if self._as_json:
            click.echo(report.as_json(outcome))
        else:
            word, colour = ("as published", "green") if outcome.ok else ("falls short", "red")
            verdict = click.style(f"{word:<12}", fg=colour)
            change = f"{outcome.start} → {outcome.end}"
            click.echo(f"{outcome.row:>3}  {change:<54} {verdict} {outcome.seconds:5.1f} s")
        for deviation in report.deviations(outcome):
            # With --json the object has them; people see them on stderr.
            click.echo(f"     row {outcome.row}: {deviation}", err=self._as_json)
        if self._counts:
            click.echo(f"\r\x1b[K{self._printed} of {self._total} played", err=True, nl=self._printed == self._total)


def _print_message(text: str) -> None:
    click.echo(text, err=True)
