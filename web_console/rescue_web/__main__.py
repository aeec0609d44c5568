"""`rescue web`: the command line of the consoles in the browser."""

from __future__ import annotations

from pathlib import Path

import click

from rescue_web.needs import MISSING, is_there, listening_at


@click.command(name="web")
@click.option(
    "--listen",
    default="127.0.0.1:0",
    show_default=True,
    metavar="HOST:PORT",
    help="Where pages are served; port 0: a free one.",
)
@click.option("--server", metavar="HOST:PORT", help="Where the session server is; else as in --data.")
@click.option("--data", metavar="DIR", help="The server's state directory; else RESCUE_DATA, else the user's.")
@click.option(
    "--host", "hosts", multiple=True, metavar="NAME", help="A further name that it is reached by; repeatable."
)
@click.option("--json", "as_json", is_flag=True, help="Say when ready as one JSON object.")
def web(listen: str, server: str | None, data: str | None, hosts: tuple[str, ...], as_json: bool) -> None:
    """Serve the technician's console and the supervisor's page to browsers.

    Whoever opens the page signs in with the name and secret of a technician or administrator. The session server may
    run anywhere; `rescue server --web HOST:PORT` starts both together.

    \b
    Example:
      rescue web --listen 127.0.0.1:8080
    """
    host, port = listening_at(listen)
    if not is_there():
        raise click.ClickException(MISSING)
    from rescue_web.program import run

    raise SystemExit(
        run(host=host, port=port, server=server, data=Path(data) if data else None, hosts=hosts, as_json=as_json)
    )


if __name__ == "__main__":
    web(prog_name="rescue web")
