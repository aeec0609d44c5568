"""etcd beside ours, where it is installed: what its leases, puts and watches cost on the same machine.

Its messages are written by hand: three of them, of two or three fields each.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc

from benchmarks import cases
from benchmarks.programs import SERVER_CORE, Line, Server, generating, pinned, stop
from rescue_common.hosts import bind_socket

KEY = b"/bench"
VALUE = b"v" * 300  # about what the store keeps of a command
LEASE_TTL = 3600  # seconds
STARTS_WITHIN = 20.0


def is_installed() -> bool:
    """Whether etcd is there to be measured."""
    return shutil.which("etcd") is not None


def keep_alive(kind: str, *, clients: int, rate: float) -> cases.Figures:
    """Clients keep their leases alive, beside applets that send heartbeats."""
    if kind == "ours":
        return cases.heartbeats(kind, applets=clients, rate=rate)
    with etcd() as subject:
        before = subject.memory()
        with grpc.insecure_channel(subject.address) as channel:
            for lease in range(1, clients + 1):
                _call(channel, "Lease/LeaseGrant", _number(1, LEASE_TTL) + _number(2, lease))
        lines = [_stream("Lease/LeaseKeepAlive", _number(1, lease)) for lease in range(1, clients + 1)]
        with generating(subject, "streams", lines, rate=rate, warm=2, seconds=6) as load:
            return cases.heartbeat_figures(load.figures(), before, clients)


def put(kind: str, *, callers: int) -> cases.Figures:
    """Callers put a value each, one after the other, beside technicians who create PINs."""
    if kind == "ours":
        return cases.commands(kind, callers=callers)
    with etcd() as subject:
        line = Line("/etcdserverpb.KV/Put", _field(1, KEY) + _field(2, VALUE))
        with generating(subject, "calls", [line] * callers, warm=1, seconds=4) as load:
            return cases.command_figures(load.figures())


def watch(kind: str, *, watchers: int, rate: float) -> cases.Figures:
    """One key changes and many watch it, beside a chat and the consoles that show it."""
    if kind == "ours":
        return cases.chat(kind, consoles=watchers, rate=rate)
    with etcd() as subject, grpc.insecure_channel(subject.address) as channel:

        def change(_number_of_it: int) -> None:
            _call(channel, "KV/Put", _field(1, KEY) + _field(2, f"@ns={time.monotonic_ns()} ".encode()))

        lines = [_stream("Watch/Watch", _field(1, _field(1, KEY)))] * watchers
        return cases.deliveries(subject, lines, change, rate)


@contextlib.contextmanager
def etcd() -> Iterator[Server]:
    """Run one node for the length of the block; it syncs each change, as ours does."""
    ports = []
    for _ in range(2):
        with contextlib.closing(bind_socket("127.0.0.1", 0)) as free:
            ports.append(free.getsockname()[1])
    client, peer = (f"http://127.0.0.1:{port}" for port in ports)
    with tempfile.TemporaryDirectory(prefix="bench-") as data:
        command = ["etcd", "--data-dir", f"{data}/etcd", "--log-level", "error", "--initial-cluster", f"default={peer}"]
        command += ["--listen-client-urls", client, "--advertise-client-urls", client]
        command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
        began = time.monotonic()
        process = subprocess.Popen(
            pinned(command, SERVER_CORE), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            _wait(ports[0])
            yield Server("etcd", process, ports[0], Path(data), time.monotonic() - began)
        finally:
            stop(process)


def _wait(port: int) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        put_one: Any = channel.unary_unary("/etcdserverpb.KV/Put")
        put_one(_field(1, KEY), timeout=STARTS_WITHIN, wait_for_ready=True)


def _call(channel: grpc.Channel, method: str, message: bytes) -> None:
    call: Any = channel.unary_unary(f"/etcdserverpb.{method}")
    call(message, timeout=30)


def _stream(method: str, message: bytes) -> Line:
    return Line(f"/etcdserverpb.{method}", message, message)


def _field(number: int, content: bytes) -> bytes:
    """Return a field of bytes, as protobuf writes it."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    """Return a field with a number, as protobuf writes it."""
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
