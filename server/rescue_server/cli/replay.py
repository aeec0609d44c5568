"""`rescue replay`: options and output."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rescue_common.cli_options import SPEED, chosen_directory
from rescue_server.cli.journal_argument import JOURNAL, explained

if TYPE_CHECKING:
    from rescue_server.replay.journal_file import RecordedLine
    from rescue_server.replay.schedule import Recording


@click.command()
@click.argument("journal", type=JOURNAL)
@click.option("--check", "only_check", is_flag=True, help="Only compare: does today's core derive the same statuses?")
@click.option("--speed", type=SPEED, help="Emulated seconds per real second.")
@click.option("--paused", is_flag=True, help="Begin when `rescue clock` moves the time.")
@click.option("--listen", default="127.0.0.1:0", show_default=True, metavar="HOST:PORT", help="Where consoles connect.")
@click.option("--data", metavar="DIR", help="An empty state directory.  [default: a temporary one]")
@click.option("--json", "as_json", is_flag=True, help="Print results as one JSON object a line.")
def replay(
    journal: Path, only_check: bool, speed: float | None, paused: bool, listen: str, data: str | None, as_json: bool
) -> int:
    """Play a recorded journal back into consoles, or check it.

    Starts a server in which nothing happens but what the journal says. Consoles see the updates as they were; commands
    are refused. `rescue clock` sets the pace. With --check, exit status 1 and the first difference if today's core
    reads the journal differently.

    \b
    Examples:
      rescue replay journal.jsonl --check
      rescue replay journal.jsonl --speed 10 --data DIR
      rescue console alice --data DIR
    """
    from rescue_server.replay.journal_file import read_journal

    if only_check:
        with explained():
            return _check(read_journal(journal), as_json)
    if paused and speed is not None:
        raise click.UsageError("--speed and --paused exclude each other")
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit() or host not in ("127.0.0.1", "localhost", "[::1]"):
        raise click.UsageError(f"--listen {listen}: HOST:PORT on this machine is needed, like 127.0.0.1:0")
    from rescue_server.replay.schedule import Recording

    with explained():
        recording = Recording(read_journal(journal))
    minutes = recording.length.total_seconds() / 60
    click.echo(f"{len(recording.lines)} events, {minutes:.1f} minutes of emulated time", err=True)
    with _empty_directory(data) as directory:
        return _play(recording, host, int(port), directory, speed, paused, as_json)


def _play(
    recording: Recording, host: str, port: int, directory: Path, speed: float | None, paused: bool, as_json: bool
) -> int:
    from rescue_protos.errors import RescueError
    from rescue_server.app import serve
    from rescue_server.observe.logs import LogFormat, configure
    from rescue_server.rpc.listener import CannotListen
    from rescue_server.startup.options import ServerOptions
    from rescue_server.store.errors import StoreError

    configure(LogFormat.TEXT, "warning")
    options = ServerOptions(
        host=host, port=port, data=directory, speed=speed, paused=paused, as_json=as_json, recording=recording
    )
    try:
        serve(options)
    except (RescueError, StoreError, CannotListen, OSError) as error:
        raise click.ClickException(str(error)) from None
    return 0


@contextmanager
def _empty_directory(data: str | None) -> Iterator[Path]:

    if data is None:
        with tempfile.TemporaryDirectory(prefix="rescue-replay-") as made:
            yield Path(made)
        return
    directory = chosen_directory(data)
    if directory.exists() and any(directory.iterdir()):
        raise click.ClickException(f"{directory} is not empty: name a new directory for the replay")
    yield directory


def _check(lines: Iterable[RecordedLine], as_json: bool) -> int:
    from rescue_server.replay.check import check

    verdict = check(lines)
    same = not verdict.difference and verdict.judged > 0
    if as_json:
        found = {"event": "checked", "ok": same, "judged": verdict.judged, "skipped": verdict.skipped}
        click.echo(json.dumps({**found, "difference": verdict.difference or None}, ensure_ascii=False))
    if verdict.skipped:
        click.echo(f"{verdict.skipped} events of sessions that began before the journal were not judged", err=True)
    if verdict.difference:
        click.echo(verdict.difference, err=True)
    elif not verdict.judged:
        click.echo("there was nothing to judge", err=True)
    elif not as_json:
        click.echo(f"{verdict.judged} events read as they were")
    return 0 if same else 1
