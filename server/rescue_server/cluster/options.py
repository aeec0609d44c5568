"""The options of a server that is one of several."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rescue_common.hosts import is_loopback, parse_host_port
from rescue_common.state_directory import state_directory
from rescue_server.cluster.proofs import make_key, read_key
from rescue_server.replicated.engines import LogAddress
from rescue_server.replicated.log import PATIENCE


class CannotJoin(Exception):
    """The server cannot be a member of that cluster. The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """`log` names the engine and the cluster, `name` this server. `advertise` is HOST:PORT for clients and the others.

    `credentials` and `ca` are files for the engine, `key` is the file of the cluster's key. `try_for`: for how
    many real seconds a change is tried.
    """

    log: LogAddress
    name: str
    advertise: str = ""
    credentials: Path | None = None
    ca: Path | None = None
    key: Path | None = None
    try_for: float = PATIENCE

    def check(self, host: str, *, insecure: bool, is_safe_at: Callable[[str], bool]) -> None:
        """Check what the server is to listen at against the rest. Raises CannotJoin.

        `is_safe_at`: whether it may be reached at a host.
        """
        if host.strip("[]") in {"0.0.0.0", "::"} and not self.advertise:
            raise CannotJoin(
                f"--listen {host}: say by which address others reach this server, with --advertise HOST:PORT"
            )
        if not self.log.is_near and self.ca is None and not insecure:
            raise CannotJoin(
                "the engine is on another machine: give --cluster-ca FILE for TLS with it, or --insecure if you mean it"
            )
        if self.key is None and not self.is_near(host):
            raise CannotJoin(
                "beyond one machine the servers need a key of their own: `rescue cluster key FILE` makes one, "
                "--cluster-key FILE gives it to each"
            )
        if not (is_safe_at(host) and is_safe_at(self._reached_at(host))):
            raise CannotJoin(
                "beyond one machine servers and clients talk with TLS, or secrets would cross the network readable by "
                "all: give --tls-cert and --tls-key (`rescue server certificates` makes them), or --insecure"
            )

    def is_near(self, host: str) -> bool:
        """Whether engine and servers are on this machine."""
        return self.log.is_near and is_loopback(self._reached_at(host))

    def _reached_at(self, host: str) -> str:
        return parse_host_port(self.advertise)[0] if self.advertise else host

    def read_key(self) -> bytes:
        """Return the cluster's key. Without a file it is one of this account, made when it is first needed.

        Raises BadKey, NoAccess, OSError.
        """
        if self.key is not None:
            return read_key(self.key)
        own = state_directory() / f"cluster-{self.log.name}.key"
        if not own.exists():
            own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = own.with_name(f"{own.name}.{os.getpid()}")
            make_key(fresh)
            try:
                os.link(fresh, own)  # of several servers that start at once, one makes it
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        return read_key(own)
