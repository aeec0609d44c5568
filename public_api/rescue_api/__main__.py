"""The command line of the public API's program. The session server starts it, and writes its key to stdin."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rescue_common.cli_options import INPUT_FILE
from rescue_common.hosts import parse_host_port


@click.command()
@click.option("--listen", metavar="HOST:PORT", help="Where to serve; port 0: a free one.")
@click.option("--tls", metavar="HOST:PORT", help="Where to serve with TLS; it needs the three files.")
@click.option("--ca", type=INPUT_FILE, metavar="FILE", help="Whom clients have to trust.")
@click.option("--cert", type=INPUT_FILE, metavar="FILE", help="The certificate.")
@click.option("--key", type=INPUT_FILE, metavar="FILE", help="Its key.")
@click.option("--proxy", metavar="HOST:PORT", help="Where to be a proxy that leads the vendor's names to --tls.")
@click.option("--notes", is_flag=True, help="Tell the session server of each request.")
@click.option("--limits", is_flag=True, help="Limit how often clients may ask for the same.")
@click.option("--data", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The state directory.")
def api(
    *,
    listen: str | None,
    tls: str | None,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    proxy: str | None,
    notes: bool,
    limits: bool,
    data: Path,
) -> None:
    """Serve the public API: `rescue server --api HOST:PORT` starts this."""
    from rescue_api.serve import ApiCertificate, ApiOptions, run

    files = ApiCertificate(ca=ca, certificate=cert, key=key) if ca and cert and key else None
    given = {"api": listen, "api_tls": tls, "api_proxy": proxy}
    addresses = {name: _address(where) for name, where in given.items() if where}
    raise SystemExit(
        run(
            ApiOptions(
                limited=limits,
                listen=addresses,
                files=files,
                data=data,
                secret=sys.stdin.readline().strip(),
                tells=notes,
            )
        )
    )


def _address(given: str) -> tuple[str, int]:
    host, port = parse_host_port(given)
    return host.strip("[]"), port


if __name__ == "__main__":
    api(prog_name="rescue_api")
