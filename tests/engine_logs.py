"""Logs on real engines, whose nodes are started when a test first needs them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from rescue_emulator.world.engine_nodes import EngineNodes, EtcdNodes, NatsNodes
from rescue_server.replicated.etcd.calls import EtcdAccess
from rescue_server.replicated.etcd.etcd_log import EtcdLog
from rescue_server.replicated.log import Log
from rescue_server.replicated.nats_log import NatsAccess, NatsLog

ENGINES: dict[str, tuple[type[EngineNodes], int]] = {"nats": (NatsNodes, 1), "nats3": (NatsNodes, 3)}
if shutil.which("etcd"):
    ENGINES |= {"etcd": (EtcdNodes, 1), "etcd3": (EtcdNodes, 3)}
_names = count(1)


def new_name() -> str:
    """Return the name of a log that no other test has."""
    return f"test{next(_names)}"


class EngineLogs:
    """The nodes of each engine, and the logs on them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = ExitStack()
        self._running: dict[str, EngineNodes] = {}

    def nodes(self, engine: str) -> EngineNodes:
        """Return the running nodes of an engine."""
        if engine not in self._running:
            kind, number = ENGINES[engine]
            self._running[engine] = self._stack.enter_context(kind(self._directory / engine, number))
        return self._running[engine]

    def open(self, engine: str, name: str, *, try_for: float = 30.0, at: Sequence[str] = ()) -> Log:
        """Open a log. `at`: other addresses than the nodes' own."""
        addresses = tuple(at or self.nodes(engine).addresses)
        if engine.startswith("nats"):
            return NatsLog.open(NatsAccess(addresses=addresses), name, try_for=try_for)
        return EtcdLog.open(EtcdAccess(addresses=addresses), name, try_for=try_for)

    def close(self) -> None:
        """End all nodes."""
        self._stack.close()


@contextmanager
def engine_logs(directory: Path) -> Iterator[EngineLogs]:
    """Have engines for the length of the block."""
    logs = EngineLogs(directory)
    try:
        yield logs
    finally:
        logs.close()
