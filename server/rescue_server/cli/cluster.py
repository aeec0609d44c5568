"""The options of `rescue server` for one of several servers."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rescue_common.cli_options import INPUT_FILE
from rescue_common.hosts import BadAddress, parse_host_port

if TYPE_CHECKING:
    from rescue_server.cluster.options import ClusterOptions

Command = TypeVar("Command", bound=Callable[..., Any])
_NAME = re.compile(r"[\w.-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterCommandLine:
    """The options as given."""

    cluster: str | None
    name: str | None
    advertise: str | None
    cluster_credentials: Path | None
    cluster_ca: Path | None
    cluster_key: Path | None
    cluster_patience: str

    @staticmethod
    def take(given: dict[str, Any]) -> ClusterCommandLine:
        """Take these options out of all that were given."""
        return ClusterCommandLine(**{field.name: given.pop(field.name) for field in fields(ClusterCommandLine)})

    def options(self) -> ClusterOptions | None:
        """Return None for a server alone. Raises click.ClickException."""
        if not self.cluster:
            beside = (self.name, self.advertise, self.cluster_credentials, self.cluster_ca, self.cluster_key)
            if any(beside):
                raise click.UsageError(
                    "--name, --advertise and --cluster-… are for one of several servers: give --cluster nats://… too"
                )
            return None
        from rescue_common.durations import BadDuration, parse_duration
        from rescue_server.cluster.options import ClusterOptions
        from rescue_server.replicated.engines import BadLogAddress, CredentialsShown, LogAddress

        try:
            return ClusterOptions(
                log=LogAddress.read(self.cluster),
                name=self._checked_name(),
                advertise=self._checked_address(),
                credentials=self.cluster_credentials,
                ca=self.cluster_ca,
                key=self.cluster_key,
                try_for=parse_duration(self.cluster_patience).total_seconds(),
            )
        except CredentialsShown as error:
            raise click.ClickException(f"--cluster: {error}") from None
        except BadLogAddress as error:
            raise click.UsageError(f"--cluster: {error}") from None
        except BadDuration as error:
            raise click.UsageError(f"--cluster-patience: {error}") from None

    def _checked_name(self) -> str:
        name = self.name or socket.gethostname()
        if not _NAME.fullmatch(name):
            raise click.UsageError(f"--name {name}: up to 64 letters, digits, '.', '-' and '_' name a server")
        return name

    def _checked_address(self) -> str:
        if self.advertise:
            try:
                parse_host_port(self.advertise)
            except BadAddress:
                raise click.UsageError(f"--advertise {self.advertise}: HOST:PORT is needed") from None
        return self.advertise or ""


def cluster_options(command: Command) -> Command:
    """Add the options to a command."""
    for option in reversed(
        (
            click.option(
                "--cluster",
                metavar="URL",
                help="Be one of several servers on this engine, like nats://HOST:4222,HOST:4222,HOST:4222/NAME; also etcd://.",
            ),
            click.option("--name", metavar="NAME", help="This server's name in the cluster.  [default: the machine's]"),
            click.option("--advertise", metavar="HOST:PORT", help="Where clients and the other servers reach it."),
            click.option(
                "--cluster-credentials",
                type=INPUT_FILE,
                metavar="FILE",
                help="For the engine: USER and PASSWORD in two lines, or a file of NATS's credentials.",
            ),
            click.option("--cluster-ca", type=INPUT_FILE, metavar="FILE", help="PEM file: use TLS with the engine."),
            click.option(
                "--cluster-key",
                type=INPUT_FILE,
                metavar="FILE",
                help="The key that all servers have (`rescue cluster key`).",
            ),
            click.option(
                "--cluster-patience",
                default="15s",
                show_default=True,
                metavar="DURATION",
                help="Real time for which a change is tried while the engine does not answer.",
            ),
        )
    ):
        command = option(command)
    return command
