"""The nodes of a replicated engine as child processes on this machine: for tests and for `rescue cluster`.

Calls block until a node is up. The nodes end with this process, however it ends. A node that is started again has its
port and its files.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from rescue_common.processes.external_program import ExternalProgram
from rescue_emulator.world.ports import reserve_port

_UP_WITHIN = 20.0  # real seconds
_ATTEMPTS = 3  # another program can take a port between its choice and its use


class NoEngine(Exception):
    """The engine's program is missing or does not come up. The message says what to do."""


@dataclass(slots=True)
class _Node:
    name: str
    directory: Path
    port: int = 0
    peer_port: int = 0
    process: ExternalProgram | None = field(default=None)


class EngineNodes(ABC):
    """Some nodes that replicate to each other."""

    scheme: str
    program: str

    def __init__(self, directory: Path, number: int) -> None:
        """Prepare `number` nodes, whose files are in `directory`. Raises NoEngine if the program is missing."""
        self._executable = _found(self.program, self.environment_variable, self.remedy)
        self._reserved = contextlib.ExitStack()  # nobody else gets the ports of a node that is down
        self._nodes = {f"n{n}": _Node(f"n{n}", directory / f"n{n}") for n in range(1, number + 1)}

    @property
    @abstractmethod
    def environment_variable(self) -> str:
        """What can name another program of this kind."""

    @property
    @abstractmethod
    def remedy(self) -> str:
        """How to install the program."""

    @abstractmethod
    def _command(self, node: _Node, nodes: Mapping[str, _Node]) -> Sequence[str | Path]:
        """Write what the node needs, and return what starts it."""

    @abstractmethod
    def _is_up(self, node: _Node) -> bool:
        """Whether the node answers. Finds its port."""

    @property
    def names(self) -> list[str]:
        """The nodes' names."""
        return list(self._nodes)

    @property
    def addresses(self) -> list[str]:
        """HOST:PORT of every node, whether it runs or not."""
        return [f"127.0.0.1:{node.port}" for node in self._nodes.values()]

    def url(self, cluster: str = "rescue") -> str:
        """Return what `rescue server --cluster` takes."""
        return f"{self.scheme}://{','.join(self.addresses)}/{cluster}"

    def pid(self, name: str) -> int:
        """Return the process id of a running node."""
        node = self._nodes[name]
        if node.process is None:
            raise NoEngine(f"{name} does not run")
        return node.process.pid

    def is_running(self, name: str) -> bool:
        """Whether the node's process runs."""
        process = self._nodes[name].process
        return process is not None and process.is_running

    def __enter__(self) -> Self:
        """Start all nodes. Raises NoEngine."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._start_all()
            except NoEngine:
                self.close()
                if attempt == _ATTEMPTS:
                    raise
            else:
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, name: str) -> None:
        """Start a node again. Raises NoEngine."""
        self._launch(self._nodes[name])
        self._wait(self._nodes[name])

    def kill(self, name: str) -> None:
        """Kill a node with SIGKILL."""
        node = self._nodes[name]
        if node.process is not None:
            node.process.kill()
            node.process = None

    def stop(self, name: str) -> None:
        """End a node in order."""
        node = self._nodes[name]
        if node.process is not None:
            node.process.terminate()
            node.process = None

    def pause(self, name: str) -> None:
        """Stop the node's process with SIGSTOP: its kernel still accepts connections."""
        os.kill(self.pid(name), signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a paused node go on."""
        os.kill(self.pid(name), signal.SIGCONT)

    def close(self) -> None:
        """End all nodes."""
        for name in self._nodes:
            self.kill(name)
        self._reserved.close()

    def _start_all(self) -> None:
        for node, (port, peer_port) in zip(self._nodes.values(), self._free_ports(), strict=True):
            shutil.rmtree(node.directory, ignore_errors=True)
            node.directory.mkdir(parents=True, mode=0o700, exist_ok=True)  # somebody mounted it
            node.port, node.peer_port = port, peer_port
        for node in self._nodes.values():
            self._launch(node)
        for node in self._nodes.values():
            self._wait(node)

    def _free_ports(self) -> list[tuple[int, int]]:
        """Return a pair of ports for each node, reserved if that is possible here."""
        with contextlib.ExitStack() as until_chosen:
            ports = []
            for _ in range(2 * len(self._nodes)):
                held = reserve_port()
                if held is not None:
                    self._reserved.enter_context(held)
                else:
                    held = until_chosen.enter_context(socket.socket())
                    held.bind(("127.0.0.1", 0))
                ports.append(held.getsockname()[1])
        return list(zip(ports[::2], ports[1::2], strict=True))

    def _launch(self, node: _Node) -> None:
        with (node.directory / "log").open("ab") as log:
            node.process = ExternalProgram([self._executable, *self._command(node, self._nodes)], log)

    def _wait(self, node: _Node) -> None:
        give_up = time.monotonic() + _UP_WITHIN
        while not self._is_up(node):
            if not self.is_running(node.name) or time.monotonic() > give_up:
                tail = (node.directory / "log").read_text(errors="replace")[-500:]
                raise NoEngine(f"{self.program} does not come up:\n{tail}")
            time.sleep(0.02)


class NatsNodes(EngineNodes):
    """Nodes of NATS JetStream. Each write is synced."""

    scheme = "nats"
    program = "nats-server"
    environment_variable = "RESCUE_NATS_SERVER"
    remedy = "pip install 'rescue-emulator[cluster]'"

    def _command(self, node: _Node, nodes: Mapping[str, _Node]) -> Sequence[str | Path]:
        config = node.directory / "nats.conf"
        config.write_text(self._configuration(node, nodes))
        return ["--config", config, "--ports_file_dir", node.directory]

    def _configuration(self, node: _Node, nodes: Mapping[str, _Node]) -> str:
        # `sync_interval` must stand on a line of its own.
        lines = [
            f"server_name: {node.name}",
            f"listen: 127.0.0.1:{node.port}",
            "jetstream {",
            f"  store_dir: {json.dumps(str(node.directory / 'jetstream'))}",
            "  sync_interval: always",
            "}",
        ]
        if len(nodes) > 1:
            routes = ", ".join(f"nats://127.0.0.1:{one.peer_port}" for one in nodes.values())
            lines += [
                "cluster {",
                "  name: rescue",
                f"  listen: 127.0.0.1:{node.peer_port}",
                f"  routes: [{routes}]",
                "}",
            ]
        return "\n".join(lines) + "\n"

    def _is_up(self, node: _Node) -> bool:
        # The file is written when every port is open.
        return (node.directory / f"{self._executable.name}_{self.pid(node.name)}.ports").exists()


class EtcdNodes(EngineNodes):
    """Nodes of etcd, with an election after half a second."""

    scheme = "etcd"
    program = "etcd"
    environment_variable = "RESCUE_ETCD"
    remedy = "apt install etcd-server"

    def _command(self, node: _Node, nodes: Mapping[str, _Node]) -> Sequence[str | Path]:
        peers = ",".join(f"{one.name}=http://127.0.0.1:{one.peer_port}" for one in nodes.values())
        client, peer = f"http://127.0.0.1:{node.port}", f"http://127.0.0.1:{node.peer_port}"
        return [
            *("--name", node.name, "--data-dir", node.directory / "etcd"),
            *("--listen-client-urls", client, "--advertise-client-urls", client),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
            *("--initial-cluster", peers, "--initial-cluster-state", "new"),
            *("--heartbeat-interval", "50", "--election-timeout", "500", "--logger", "zap", "--log-level", "error"),
        ]

    def _is_up(self, node: _Node) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", node.port), 0.5):
            return True
        return False


def _found(program: str, variable: str, remedy: str) -> Path:
    given = os.environ.get(variable) or shutil.which(program) or _beside_python(program)
    if not given or shutil.which(given) is None:
        raise NoEngine(f"{given or program} is not there: {remedy}, or set {variable}")
    return Path(given)


def _beside_python(program: str) -> str | None:
    import sysconfig

    return shutil.which(program, path=sysconfig.get_path("scripts"))
