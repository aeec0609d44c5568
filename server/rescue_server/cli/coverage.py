"""`rescue coverage`: options and output."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rescue_common.cli_options import chosen_directory
from rescue_server.cli.journal_argument import JOURNAL, explained

if TYPE_CHECKING:
    from rescue_server.replay.journal_file import RecordedLine


@click.command()
@click.argument("journals", nargs=-1, type=JOURNAL, metavar="[JOURNAL]...")
@click.option("--data", metavar="DIR", help="Instead of journals, a server's state directory.")
@click.option("--fail-under", type=click.IntRange(0, 62), default=0, metavar="N", help="Exit status 1 if fewer rows.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a row.")
def coverage(journals: tuple[Path, ...], data: str | None, fail_under: int, as_json: bool) -> int:
    """Tell which of the table's 62 changes recorded runs have exercised, and which not.

    JOURNAL is what `rescue events --json` printed; several are taken together. Without one, and without --data, the
    state directory that a server would use is read; a server may be running on it.

    \b
    Examples:
      rescue coverage run-1.jsonl run-2.jsonl --fail-under 62
      rescue coverage --data DIR
    """
    if journals and data:
        raise click.UsageError("name journals or --data, not both")
    from rescue_protos.status_table import read_rows
    from rescue_server.replay.coverage import count_rows

    found: Counter[int] = Counter()
    for lines in _sources(journals, data):
        with explained():
            found.update(count_rows(lines))
    rows = read_rows()
    for row in rows:
        if as_json:
            count = found[row.row]
            shown = {"row": row.row, "start": row.start, "end": row.end, "count": count, "covered": count > 0}
            click.echo(json.dumps(shown, ensure_ascii=False))
        else:
            times, colour = (f"{found[row.row]:>5} ×", "green") if found[row.row] else ("  never", "red")
            click.echo(f"{row.row:>3}  {row.heading:<54} {click.style(times, fg=colour)}")
    covered = sum(1 for row in rows if found[row.row])
    click.echo(f"{covered} of {len(rows)} changes exercised", err=True)
    return 0 if covered >= fail_under else 1


def _sources(journals: Iterable[Path], data: str | None) -> Iterator[Iterator[RecordedLine]]:
    from rescue_server.replay.journal_file import read_journal, read_store
    from rescue_server.store.files import STORE_FILE

    paths = tuple(journals)
    if paths:
        yield from map(read_journal, paths)
        return
    store = chosen_directory(data) / STORE_FILE
    if not store.exists():
        raise click.ClickException(f"{store.parent} has no store: name a journal, or a state directory with --data")
    yield read_store(store)
