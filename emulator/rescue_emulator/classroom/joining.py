"""Joining a class at a terminal: a code becomes a technician's console."""

from __future__ import annotations

import os
from pathlib import Path

import click

from rescue_common.private_files import write_private
from rescue_common.signals import run_until_signalled
from rescue_common.state_directory import NoAccess, find_servers, find_tls, state_directory
from rescue_common.tls import BadTls

_JOINER = "joiner"
"""The file with the text by which codes that were used from this account are known."""


def open_console(code: str, *, plain: bool, as_json: bool, language: str, server: str | None, data: str | None) -> int:
    """Join, and run the console until it ends; return its exit status. Raises click.ClickException."""
    from rescue_client.joining import join
    from rescue_console.front_end import run
    from rescue_protos.errors import RescueError

    try:
        addresses = find_servers(server=server, data=data)
        tls = find_tls(server=server, data=data)
        joined = run_until_signalled(join(addresses[0], code, joiner=_joiner(state_directory(data)), tls=lambda: tls))
    except (NoAccess, BadTls, RescueError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"what this program joins with cannot be kept: {error}") from None
    os.environ["RESCUE_SECRET"] = joined.secret  # where the console looks for it; it is in no file
    return run(
        technician=joined.user, as_json=as_json, plain=plain, language=language, server=",".join(addresses), data=data
    )


def _joiner(directory: Path) -> str:
    """Return the text that is kept for this account; make it if there is none."""
    from rescue_client.joining import new_joiner

    path = directory / _JOINER
    if path.exists() and (known := path.read_text(encoding="ascii").strip()):
        return known
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = new_joiner()
    write_private(path, f"{made}\n".encode())
    return made
