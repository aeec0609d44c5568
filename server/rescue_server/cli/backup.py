"""`rescue server backup FILE`: a copy of everything that the server keeps, beside a running one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from rescue_common.cli_options import chosen_directory


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@click.option("--data", metavar="DIR", help="The state directory.  [default: the platform's]")
@click.option("--json", "as_json", is_flag=True, help="Say what was written as one JSON object.")
@click.pass_context
def backup(ctx: click.Context, file: Path, data: str | None, as_json: bool) -> None:
    """Write a backup of the store to FILE, while the server runs or not.

    It holds what was acknowledged when the backup began, is checked before it gets its name, and replaces no file.
    Secrets in the state directory are not in it.

    \b
    Example:
      rescue server backup monday.sqlite3
      rescue server --restore monday.sqlite3
    """
    from rescue_server.store.errors import StoreError
    from rescue_server.store.online_backup import back_up

    given = data or (ctx.parent.params.get("data") if ctx.parent else None)
    try:
        found = back_up(chosen_directory(given), file)
    except StoreError as error:
        click.echo(f"rescue server backup: {error}", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps({"event": "backup", "file": str(file), "revision": found.last_revision}))
    else:
        click.echo(f"{file}: {found.events} events up to revision {found.last_revision}")
