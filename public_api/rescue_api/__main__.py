"""The command line of the public API's program. The session server starts it, and writes its key to stdin."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rescue_common.hosts import parse_host_port


@click.command()
@click.option("--listen", required=True, metavar="HOST:PORT", help="Where to serve; port 0: a free one.")
@click.option("--data", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The state directory.")
def api(listen: str, data: Path) -> None:
    """Serve the public API: `rescue server --api HOST:PORT` starts this."""
    from rescue_api.serve import ApiOptions, run

    host, port = parse_host_port(listen)
    key = sys.stdin.readline().strip()
    raise SystemExit(run(ApiOptions(host=host.strip("[]"), port=port, data=data, key=key)))


if __name__ == "__main__":
    api(prog_name="rescue_api")
