"""`rescue server`: the options of the session server, and what they may not say together."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from click.core import ParameterSource

from rescue_common.cli_options import INPUT_FILE, MOMENT, SPEED, chosen_directory
from rescue_common.hosts import BadAddress, is_loopback, parse_host_port
from rescue_server.cli.backup import backup
from rescue_server.cli.certificates import certificates
from rescue_server.cli.cluster import ClusterCommandLine, cluster_options
from rescue_server.observe.logs import LEVELS, LogFormat, configure

if TYPE_CHECKING:  # importing the server costs more than a subcommand's whole run
    from rescue_server.observe.observation import MetricsAddress
    from rescue_server.rpc.tls import ServerTls
    from rescue_server.runtime.limits import Limits
    from rescue_server.startup.options import ServerOptions

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """The options as given. `check` refuses what contradicts, `options` says them in the server's own types."""

    listen: str
    data: str | None
    organization: Path | None
    speed: float | None
    paused: bool
    start_at: datetime | None
    tls_cert: Path | None
    tls_key: Path | None
    tls_client_ca: Path | None
    insecure: bool
    keep_ended: str
    most_ended: int
    restore: Path | None
    ring: int | None
    limits: tuple[str, ...]
    post_anywhere: bool
    log_format: str | None
    log_level: str | None
    metrics: str | None
    web: str | None
    web_hosts: tuple[str, ...]
    api: str | None
    api_tls: str | None
    api_proxy: str | None
    api_limits: str
    as_json: bool

    def check(self, *, is_alone: bool) -> None:
        """Check the options of a server alone, or of one of several, which checks where it listens itself.

        Raises click.UsageError.
        """
        if self.paused and self.speed is not None:
            raise click.UsageError("--speed and --paused exclude each other")
        if bool(self.tls_cert) != bool(self.tls_key) or (self.tls_client_ca and not self.tls_cert):
            raise click.UsageError("TLS needs --tls-cert and --tls-key; --tls-client-ca goes with both")
        if is_alone and not self.is_safe_at(_host_and_port("--listen", self.listen)[0]):
            raise click.UsageError(
                f"--listen {self.listen}: without TLS the server listens on this machine only, because everything, "
                "secrets too, would cross the network readable by all: give --tls-cert and --tls-key "
                "(`rescue server certificates` makes them), or --insecure if you mean it"
            )
        if self.web and not self.is_safe_at(_host_and_port("--web", self.web)[0]):
            raise click.UsageError(
                f"--web {self.web}: beyond this machine it needs --tls-cert and --tls-key, or --insecure"
            )
        if self.web_hosts and not self.web:
            raise click.UsageError("--web-host goes with --web")
        for option, given in (("--api-tls", self.api_tls), ("--api-proxy", self.api_proxy)):
            if given:
                _host_and_port(option, given)
        if self.api and not is_loopback(_host_and_port("--api", self.api)[0]):
            raise click.UsageError(
                f"--api {self.api}: it has no TLS, and passwords would cross the network readable by all: "
                "listen on this machine only, like 127.0.0.1:8081, or use --api-tls"
            )

    def options(self) -> ServerOptions:
        """Raises click.UsageError."""
        from rescue_server.startup.options import ServerOptions
        from rescue_server.startup.public_api import PublicApi

        host, port = _host_and_port("--listen", self.listen)
        return ServerOptions(
            host=host,
            port=port,
            data=chosen_directory(self.data),
            organization=self.organization,
            speed=self.speed,
            paused=self.paused,
            start_at=self.start_at,
            as_json=self.as_json,
            keep_ended=self._keep_ended(),
            most_ended=self.most_ended,
            restore=self.restore,
            ring=self.ring,
            limits=self._limits(),
            post_anywhere=self.post_anywhere,
            web=self.web or "",
            web_options=self._web_options(),
            api=PublicApi(
                plain=self.api or "",
                tls=self.api_tls or "",
                proxy=self.api_proxy or "",
                limits=self.api_limits == "vendor",
            ),
            metrics=self._metrics(),
            tls=self._tls(),
        )

    def configure_logs(self) -> None:
        """Without `--log` only warnings are logged."""
        configure(
            LogFormat(self.log_format or LogFormat.TEXT), self.log_level or ("info" if self.log_format else "warning")
        )

    def is_safe_at(self, host: str) -> bool:
        """Whether the server may be reached at a host: by nobody else, with TLS, or because the user insists."""
        return bool(self.tls_cert) or self.insecure or is_loopback(host)

    def _keep_ended(self) -> timedelta:
        from rescue_common.durations import BadDuration, parse_duration

        try:
            return parse_duration(self.keep_ended)
        except BadDuration as error:
            raise click.UsageError(f"--keep-ended: {error}") from None

    def _limits(self) -> Limits:
        from rescue_server.runtime.limits import LIMITS, changed

        found = LIMITS
        for given in self.limits:
            name, _, value = given.partition("=")
            try:
                found = changed(found, name, value)
            except ValueError as error:
                raise click.UsageError(f"--limit {error}") from None
        return found

    def _metrics(self) -> MetricsAddress | None:
        from rescue_server.observe.observation import MetricsAddress

        if not self.metrics:
            return None
        host, port = _host_and_port("--metrics", self.metrics)
        return MetricsAddress(host=host, port=port)

    def _tls(self) -> ServerTls | None:
        from rescue_server.rpc.tls import ServerTls

        if not (self.tls_cert and self.tls_key):
            return None
        return ServerTls(cert=self.tls_cert, key=self.tls_key, client_ca=self.tls_client_ca)

    def _web_options(self) -> tuple[str, ...]:
        """What the companion is started with: pages are as safe as calls."""
        hosts = [word for name in self.web_hosts for word in ("--host", name)]
        with_tls = ["--tls-cert", str(self.tls_cert), "--tls-key", str(self.tls_key)] if self.tls_cert else []
        return (*hosts, *with_tls, *(["--insecure"] if self.insecure else []))


def _file(name: str, text: str) -> Callable[[Command], Command]:
    return click.option(name, type=INPUT_FILE, metavar="FILE", help=text)


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
@_file("--organization", "TOML file with groups, technicians and channels for the first start.")
@click.option("--speed", type=SPEED, help="Emulated seconds per real second.")
@click.option("--paused", is_flag=True, help="Time moves only by `rescue clock advance`.")
@click.option(
    "--start-at",
    type=MOMENT,
    metavar="TIME",
    help="Where the clock begins at the first start, like 2026-03-01T09:00:00Z; later it goes on from where it stood.  "
    "[default: this machine's time]",
)
@_file("--tls-cert", "PEM file with the server's certificate (chain): listen with TLS.")
@_file("--tls-key", "PEM file with its key.")
@_file("--tls-client-ca", "PEM file: let in only clients whose certificate it signed.")
@click.option("--insecure", is_flag=True, help="Listen beyond this machine without TLS.")
@click.option(
    "--keep-ended",
    default="30d",
    show_default=True,
    metavar="DURATION",
    help="Emulated or real time, whatever is over first, after which a session that ended, and that no queue shows, "
    "is forgotten.",
)
@click.option(
    "--most-ended",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    metavar="SESSIONS",
    help="Of ended sessions so many are kept at most, the newest ones; 1,000 take some 2.5 MB of memory. Reports of "
    "the public API have no others.",
)
@_file("--restore", "Begin with this backup instead of the store, which is kept beside it.")
@click.option("--ring", type=click.IntRange(1), hidden=True, help="Updates kept per technician, for tests.")
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=NUMBER",
    help="Another limit of what one caller may use, 1 to 1000000, like open-sessions-per-technician=5000; repeatable. "
    "A name that does not exist is answered with all names.",
)
@click.option("--post-anywhere", is_flag=True, help="Post sessions to other machines, too (Post to URL).")
@click.option("--log", "log_format", type=click.Choice(["text", "json"]), help="Write a log to stderr, in this form.")
@click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    help="What to log.  [default: info with --log, else warning]",
)
@click.option("--metrics", metavar="HOST:PORT", help="Answer Prometheus there; port 0: a free one.")
@click.option("--web", metavar="HOST:PORT", help="Serve the consoles to browsers there; port 0: a free one.")
@click.option(
    "--web-host",
    "web_hosts",
    multiple=True,
    metavar="NAME",
    help="A further name by which browsers reach them; repeatable.",
)
@click.option("--api", metavar="HOST:PORT", help="Serve the public API there; port 0: a free one.")
@click.option("--api-tls", metavar="HOST:PORT", help="Serve the public API there with TLS, by a CA made for it.")
@click.option(
    "--api-proxy",
    metavar="HOST:PORT",
    help="Be a proxy there that leads the vendor's names to the public API and refuses everything else.",
)
@click.option(
    "--api-limits",
    type=click.Choice(["vendor", "off"]),
    default="vendor",
    help="Limit how often its clients may log in, ask for PINs and for the same report, as the vendor does.",
)
@cluster_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object when ready.")
@click.pass_context
def server(ctx: click.Context, /, **given: Any) -> None:
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
    if given["restore"] and ctx.get_parameter_source("restore") is not ParameterSource.COMMANDLINE:
        raise click.UsageError(
            "--restore can only be given on the command line: in a file or the environment, every start would do so"
        )
    cluster = ClusterCommandLine.take(given).options()
    command_line = CommandLine(**given)
    command_line.check(is_alone=cluster is None)
    # What gRPC would write to stderr of a port in use or of a bad handshake, the server says itself, or logs.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    command_line.configure_logs()
    options = command_line.options()
    if cluster is None:
        _run(options)
        return
    from rescue_server.cluster.run_member import CANNOT, serve_member

    try:
        cluster.check(options.host, insecure=command_line.insecure, is_safe_at=command_line.is_safe_at)
    except CANNOT as error:
        _end(error)
    _run(options, partial(serve_member, cluster=cluster), CANNOT)


def _run(
    options: ServerOptions,
    run: Callable[[ServerOptions], None] | None = None,
    cannot: tuple[type[Exception], ...] = (),
) -> None:
    """Run the server; if it cannot run, say why in one line and exit with 1."""
    from rescue_common.private_files import NotPrivate
    from rescue_common.tls import BadTls
    from rescue_protos.errors import RescueError
    from rescue_server.app import serve
    from rescue_server.observe.observation import CannotObserve
    from rescue_server.rpc.listener import CannotListen
    from rescue_server.startup.certificates import CannotMakeCertificates
    from rescue_server.startup.companion import PAGES, PUBLIC_API, NoCompanion
    from rescue_server.store.errors import StoreError

    try:
        if options.web:
            PAGES.check()
        if options.api.is_wanted:
            PUBLIC_API.check()
        (run or serve)(options)
    except (
        *(RescueError, StoreError, CannotListen, CannotObserve, BadTls),
        *(NoCompanion, NotPrivate, CannotMakeCertificates),
    ) as error:
        _end(error)
    except cannot as error:
        _end(error)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _end(f"{where}{error.strerror or error}")


def _end(why: object) -> NoReturn:
    click.echo(f"rescue server: {why}", err=True)
    sys.exit(1)


# Options for running the server are not those of its subcommands; each subcommand takes its own --data.
server.add_command(certificates)
server.add_command(backup)
