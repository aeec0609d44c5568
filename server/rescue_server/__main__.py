"""The command line of the session server: `rescue server`, `python -m rescue_server`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from rescue_common.cli_options import SPEED, chosen_directory
from rescue_common.hosts import BadAddress, is_loopback, parse_host_port
from rescue_server.cli.backup import backup
from rescue_server.cli.certificates import certificates
from rescue_server.observe.logs import LEVELS, LogFormat, configure

Command = TypeVar("Command", bound=Callable[..., Any])


def _file(name: str, text: str) -> Callable[[Command], Command]:
    path = click.Path(path_type=Path, dir_okay=False, exists=True)
    return click.option(name, type=path, metavar="FILE", help=text)


def _host_and_port(option: str, given: str) -> tuple[str, int]:
    try:
        return parse_host_port(given)
    except BadAddress:
        raise click.UsageError(f"{option} {given}: HOST:PORT is needed, like 127.0.0.1:0") from None


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
@click.option("--speed", type=SPEED, help="Emulated seconds per real second.")
@click.option("--paused", is_flag=True, help="Time moves only by `rescue clock advance`.")
@_file("--tls-cert", "PEM file with the server's certificate (chain): listen with TLS.")
@_file("--tls-key", "PEM file with its key.")
@_file("--tls-client-ca", "PEM file: let in only clients whose certificate it signed.")
@click.option("--insecure", is_flag=True, help="Listen beyond this machine without TLS.")
@click.option(
    "--keep-ended",
    default="30d",
    show_default=True,
    metavar="DURATION",
    help="Emulated time after which a session that ended, and that no queue shows, is forgotten.",
)
@_file("--restore", "Begin with this backup instead of the store, which is kept beside it.")
@click.option("--ring", type=click.IntRange(1), hidden=True, help="Updates kept per technician, for tests.")
@click.option("--log", "log_format", type=click.Choice(["text", "json"]), help="Write a log to stderr, in this form.")
@click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    help="What to log.  [default: info with --log, else warning]",
)
@click.option("--metrics", metavar="HOST:PORT", help="Answer Prometheus there; port 0: a free one.")
@click.option("--web", metavar="HOST:PORT", help="Serve the consoles to browsers there; port 0: a free one.")
@click.option("--json", "as_json", is_flag=True, help="Say when ready as one JSON object.")
@click.pass_context
def server(
    ctx: click.Context,
    listen: str,
    data: str | None,
    organization: Path | None,
    speed: float | None,
    paused: bool,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_client_ca: Path | None,
    insecure: bool,
    keep_ended: str,
    restore: Path | None,
    ring: int | None,
    log_format: str | None,
    log_level: str | None,
    metrics: str | None,
    web: str | None,
    as_json: bool,
) -> None:
    """Run the session server.

    It keeps every session in its state directory, where clients of the same account also find its address and
    their secrets. SIGTERM and Ctrl-C stop it in order; kill -9 loses nothing either.

    \b
    Example:
      rescue server --listen 127.0.0.1:50051 --speed 60
      rescue server --web 127.0.0.1:8080
    """
    if ctx.invoked_subcommand is not None:
        return
    if restore and ctx.get_parameter_source("restore") is not ParameterSource.COMMANDLINE:
        raise click.UsageError(
            "--restore stands on the command line only: from elsewhere every start would do it again"
        )
    if paused and speed is not None:
        raise click.UsageError("--speed and --paused exclude each other")
    host, port = _host_and_port("--listen", listen)
    if bool(tls_cert) != bool(tls_key) or (tls_client_ca and not tls_cert):
        raise click.UsageError("TLS needs --tls-cert and --tls-key; --tls-client-ca goes with both")
    if not tls_cert and not insecure and not is_loopback(host):
        raise click.UsageError(
            f"--listen {listen}: without TLS the server listens on this machine only, because everything, secrets "
            "too, would cross the network readable by all: give --tls-cert and --tls-key "
            "(`rescue server certificates` makes them), or --insecure if you mean it"
        )
    if web and not tls_cert and not insecure and not is_loopback(_host_and_port("--web", web)[0]):
        raise click.UsageError(f"--web {web}: beyond this machine it needs --tls-cert and --tls-key, or --insecure")
    # What gRPC would tell stderr of a port in use or of a client's bad handshake, we say ourselves, or log.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from rescue_common.durations import BadDuration, parse_duration
    from rescue_common.private_files import NotPrivate
    from rescue_common.tls import BadTls
    from rescue_protos.errors import RescueError
    from rescue_server.app import ServerOptions, serve
    from rescue_server.observe.observation import CannotObserve, MetricsAddress
    from rescue_server.rpc.listener import CannotListen
    from rescue_server.rpc.tls import ServerTls
    from rescue_server.startup.companion import NoCompanion, check_companion
    from rescue_server.store.errors import StoreError

    configure(LogFormat(log_format or LogFormat.TEXT), log_level or ("info" if log_format else "warning"))
    metrics_at = _host_and_port("--metrics", metrics) if metrics else None
    try:
        kept = parse_duration(keep_ended)
    except BadDuration as error:
        raise click.UsageError(f"--keep-ended: {error}") from None
    options = ServerOptions(
        host=host,
        port=port,
        data=chosen_directory(data),
        organization=organization,
        speed=speed,
        paused=paused,
        as_json=as_json,
        keep_ended=kept,
        restore=restore,
        ring=ring,
        web=web or "",
        web_options=_web_options(tls_cert, tls_key, insecure),
        metrics=MetricsAddress(host=metrics_at[0], port=metrics_at[1]) if metrics_at else None,
        tls=ServerTls(cert=tls_cert, key=tls_key, client_ca=tls_client_ca) if tls_cert and tls_key else None,
    )
    try:
        if web:
            check_companion()
        serve(options)
    except (RescueError, StoreError, CannotListen, CannotObserve, BadTls, NoCompanion, NotPrivate) as error:
        click.echo(f"rescue server: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"rescue server: {where}{error.strerror or error}", err=True)
        sys.exit(1)


def _web_options(cert: Path | None, key: Path | None, insecure: bool) -> tuple[str, ...]:
    """What the companion is told about TLS: pages are as safe as calls."""
    with_tls = ("--tls-cert", str(cert), "--tls-key", str(key)) if cert else ()
    return (*with_tls, "--insecure") if insecure else with_tls


# Options for running the server are not those of its subcommands; each subcommand takes its own --data.
server.add_command(certificates)
server.add_command(backup)

if __name__ == "__main__":
    server(prog_name="rescue server")
