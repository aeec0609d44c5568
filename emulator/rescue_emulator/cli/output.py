"""What subcommands print: lines for people or JSON, times, counts, and files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import click

from rescue_common.emulated_time import format_timestamp
from rescue_emulator.cli.calls import json_wanted


def print_result(as_json: Mapping[str, object], lines: Sequence[str]) -> None:
    """Print one JSON object if the user asked for --json, else the lines for people."""
    print_lines([json.dumps(as_json, ensure_ascii=False)] if json_wanted() else lines)


def print_lines(lines: Iterable[str]) -> None:
    """Print each line on stdout."""
    for line in lines:
        click.echo(line)


def json_line(found: Mapping[str, object]) -> str:
    """Return one line of JSON. Control characters (a chat line can hold them) are escaped, so no terminal runs them."""
    return re.sub("[\x7f-\x9f]", lambda match: f"\\u{ord(match[0]):04x}", json.dumps(found, ensure_ascii=False))


def iso_time(at: datetime) -> str:
    """Return a point in time (UTC) in ISO format, with `Z`."""
    return format_timestamp(at)


def count(number: int, thing: str) -> str:
    """Return `1 row`, `2 rows`."""
    return f"{number} {thing}" + ("" if number == 1 else "s")


def write_text(text: str, file: Path) -> None:
    """Write a picture to a file, or to stdout if the file is `-`. Raises click.ClickException."""
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror or error}") from None
    click.echo(f"wrote {file}", err=True)
