"""`rescue web`: the command line of the consoles in the browser."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rescue_common.cli_options import INPUT_FILE, SERVERS
from rescue_common.extras import WEB_MISSING, is_web_installed
from rescue_common.hosts import BadAddress, is_loopback, parse_host_port


@click.command(name="web")
@click.option(
    "--listen",
    default="127.0.0.1:0",
    show_default=True,
    metavar="HOST:PORT",
    help="Where pages are served; port 0: a free one.",
)
@click.option(
    "--server", type=SERVERS, metavar="HOST:PORT[,...]", help="Where the session server is; else as in --data."
)
@click.option("--data", metavar="DIR", help="The server's state directory; else RESCUE_DATA, else the user's.")
@click.option(
    "--host", "hosts", multiple=True, metavar="NAME", help="A further name that it is reached by; repeatable."
)
@click.option("--tls-cert", type=INPUT_FILE, metavar="FILE", help="PEM file with a certificate (chain): serve https.")
@click.option("--tls-key", type=INPUT_FILE, metavar="FILE", help="PEM file with its key.")
@click.option("--insecure", is_flag=True, help="Serve beyond this machine without TLS.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object when ready.")
@click.option("--key-from-stdin", "with_key", is_flag=True, hidden=True, help="Read there what seals cookies.")
@click.option("--login-cookie", default="", hidden=True, help="The name of the cookie, as at other servers.")
def web(
    listen: str,
    server: str | None,
    data: str | None,
    hosts: tuple[str, ...],
    tls_cert: Path | None,
    tls_key: Path | None,
    insecure: bool,
    as_json: bool,
    with_key: bool,
    login_cookie: str,
) -> None:
    """Serve the technician's console and the supervisor's page to browsers.

    Whoever opens the page signs in with the name and secret of a technician or administrator. The session server may
    run anywhere; `rescue server --web HOST:PORT` starts both together.

    \b
    Example:
      rescue web --listen 127.0.0.1:8080
    """
    host, port = _listening_at(listen)
    if bool(tls_cert) != bool(tls_key):
        raise click.UsageError("TLS needs --tls-cert and --tls-key")
    if not tls_cert and not insecure and not is_loopback(host):
        raise click.UsageError(
            f"--listen {listen}: beyond this machine secrets would cross the network readable by all: give --tls-cert "
            "and --tls-key, or --insecure if you mean it"
        )
    if not is_web_installed():
        raise click.ClickException(WEB_MISSING)
    from rescue_web.serve import WebOptions, run

    options = WebOptions(
        host=host,
        port=port,
        server=server,
        data=Path(data) if data else None,
        hosts=hosts,
        tls=(tls_cert, tls_key) if tls_cert and tls_key else None,
        as_json=as_json,
        key=sys.stdin.readline().strip() if with_key else "",
        login_cookie=login_cookie,
    )
    raise SystemExit(run(options))


def _listening_at(listen: str) -> tuple[str, int]:
    try:
        host, port = parse_host_port(listen)
    except BadAddress:
        raise click.UsageError(f"{listen}: HOST:PORT is needed, like 127.0.0.1:8080") from None
    return host.strip("[]"), port


if __name__ == "__main__":
    web(prog_name="rescue web")
