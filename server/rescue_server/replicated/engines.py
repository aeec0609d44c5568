"""Which engine keeps the log, and where: ENGINE://HOST:PORT,HOST:PORT/NAME."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rescue_common.hosts import BadAddress, is_loopback, parse_host_port
from rescue_server.replicated.log import PATIENCE, Log, LogUnusable

DEFAULT_NAME = "rescue"
_PORTS = {"nats": 4222, "etcd": 2379}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)


class BadLogAddress(ValueError):
    """The text names no engine."""


class CredentialsShown(BadLogAddress):
    """The address has credentials, which the list of processes shows to everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAddress:
    """The kind of engine, its nodes as HOST:PORT, and the name of the cluster."""

    engine: str
    nodes: tuple[str, ...]
    name: str = DEFAULT_NAME

    @staticmethod
    def read(text: str) -> LogAddress:
        """Read what `--cluster` takes. Raises BadLogAddress, CredentialsShown."""
        engine, separator, rest = text.partition("://")
        hosts, slash, name = rest.partition("/")
        if engine not in _PORTS or not separator or not hosts:
            raise BadLogAddress(
                f"{text!r} names no engine: nats://HOST:PORT,…/NAME or etcd://HOST:PORT,…/NAME is needed"
            )
        if "@" in hosts:
            raise CredentialsShown(
                "credentials in an address can be seen by everybody: give --cluster-credentials FILE"
            )
        if slash and not _NAME.fullmatch(name):
            raise BadLogAddress(f"{name!r} is no name of a cluster: up to 40 letters, digits, - and _ are")
        nodes = tuple(dict.fromkeys(_node(host, _PORTS[engine]) for host in hosts.split(",")))
        return LogAddress(engine=engine, nodes=nodes, name=name or DEFAULT_NAME)

    @property
    def is_near(self) -> bool:
        """Whether only this machine can reach the engine."""
        return all(is_loopback(parse_host_port(node)[0]) for node in self.nodes)


def open_log(
    address: LogAddress, *, credentials: Path | None = None, ca: Path | None = None, try_for: float = PATIENCE
) -> Log:
    """Connect to the engine, with TLS if there is a CA. Raises LogUnavailable, LogUnusable, OSError."""
    tls_ca = None if ca is None else ca.read_bytes()
    if address.engine == "etcd":
        from rescue_server.replicated.etcd.calls import EtcdAccess
        from rescue_server.replicated.etcd.etcd_log import EtcdLog

        etcd = EtcdAccess(addresses=address.nodes, credentials=credentials, tls_ca=tls_ca)
        return EtcdLog.open(etcd, address.name, try_for=try_for)
    if find_spec("nats") is None:
        raise LogUnusable("nats:// needs a package: pip install 'rescue-emulator[cluster]'")
    from rescue_server.replicated.nats_log import NatsAccess, NatsLog, tls_of

    nats = NatsAccess(addresses=address.nodes, credentials=credentials, tls=tls_of(ca))
    return NatsLog.open(nats, address.name, try_for=try_for)


def _node(host: str, default: int) -> str:
    node = host.strip() if re.search(r":\d+$", host.strip()) else f"{host.strip()}:{default}"
    try:
        parse_host_port(node)
    except BadAddress:
        raise BadLogAddress(f"{host!r} is no HOST:PORT of an engine") from None
    return node
