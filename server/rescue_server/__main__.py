"""The command line of the session server: `rescue server`, `python -m rescue_server`."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.group(invoke_without_command=True)
@click.option(
    "--listen",
    default="127.0.0.1:0",
    show_default=True,
    metavar="HOST:PORT",
    help="Where to listen; port 0: a free one.",
)
@click.option("--data", metavar="DIR", help="The state directory.  [default: the platform's]")
@click.option(
    "--organization",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="TOML file with groups, technicians and channels for the first start.",
)
@click.option("--speed", type=click.FloatRange(0, 100_000, min_open=True), help="Emulated seconds per real second.")
@click.option("--paused", is_flag=True, help="Time moves only by `rescue clock advance`.")
@click.option("--json", "as_json", is_flag=True, help="Say when ready as one JSON object.")
@click.pass_context
def server(
    ctx: click.Context,
    listen: str,
    data: str | None,
    organization: Path | None,
    speed: float | None,
    paused: bool,
    as_json: bool,
) -> None:
    """Run the session server.

    It keeps every session in its state directory, where clients of the same account also find its address and
    their secrets. SIGTERM and Ctrl-C stop it in order; kill -9 loses nothing either.

    \b
    Example:
      rescue server --listen 127.0.0.1:50051 --speed 60
    """
    if ctx.invoked_subcommand is not None:
        return
    if paused and speed is not None:
        raise click.UsageError("--speed and --paused exclude each other")
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65_535:
        raise click.UsageError(f"--listen {listen}: HOST:PORT is needed, like 127.0.0.1:0")
    from rescue_protos.access import state_directory
    from rescue_server.errors import RescueError
    from rescue_server.program import Options, serve
    from rescue_server.rpc.listener import CannotListen
    from rescue_server.store.errors import StoreError

    options = Options(
        host=host,
        port=int(port),
        data=state_directory(data),
        organization=organization,
        speed=speed,
        paused=paused,
        as_json=as_json,
    )
    try:
        serve(options)
    except (RescueError, StoreError, CannotListen, OSError) as error:
        click.echo(f"rescue server: {error}", err=True)
        sys.exit(1)


# Options for running the server are not those of its subcommands; each subcommand takes its own --data.
@server.command()
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where to put them.  [default: tls in the state directory]",
)
@click.option("--data", metavar="DIR", help="The state directory.  [default: the platform's]")
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="Name or address of the server; repeatable.")
def certificates(directory: Path | None, data: str | None, hosts: tuple[str, ...]) -> None:
    """Make a development CA, and certificates of it for the server and for clients."""
    raise click.ClickException("not there yet")


if __name__ == "__main__":
    server(prog_name="rescue server")
