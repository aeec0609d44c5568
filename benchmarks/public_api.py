"""The public API: getSession_v3 over many sessions, beside a starlette application that returns a constant body."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from benchmarks.programs import LOAD_CORE, ROOT, SERVER_CORE, cpu_of, memory_of, pinned
from rescue_emulator.testing import SyncWorld

_CONNECTIONS = 8
_ROW = 80  # bytes of a session in an answer
_WARM, _SECONDS = 1.0, 4.0


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is asked: the port, the path, and the processes that do the work."""

    port: int
    path: str
    pids: tuple[int, ...]

    def cpu(self) -> float:
        return sum(map(cpu_of, self.pids))


def get_session(kind: str, *, sessions: int) -> dict[str, float]:
    """Ask for all sessions on a few connections, one request after the other on each."""
    with contextlib.ExitStack() as stack:
        if kind == "bare":
            subject = stack.enter_context(_constant(size=sessions * _ROW))
        else:
            subject = stack.enter_context(_emulator(sessions))
        for pid in subject.pids:
            _pin(pid, SERVER_CORE)
        _pin(os.getpid(), LOAD_CORE)
        _load(subject, _WARM)
        before = subject.cpu()
        answers, seconds, size = _load(subject, _SECONDS)
        return {
            "ms a request": 1000 * seconds / answers,
            "us of CPU a request": 1e6 * (subject.cpu() - before) / answers,
            "KB an answer": size / 1024,
        }


def idle(kind: str) -> dict[str, float]:
    """What the API costs before its first request: the memory of its program, and its processor time."""
    with SyncWorld(api=True) as world:
        pid = _child(world.server.pid)
        started = cpu_of(pid)
        time.sleep(_SECONDS)
        used = cpu_of(pid) - started
        return {
            "MB": memory_of(pid) / 2**20,
            "ms of CPU to start": 1000 * started,
            "ms a second": 1000 * used / _SECONDS,
        }


@contextlib.contextmanager
def _constant(size: int) -> Iterator[_Subject]:
    command = [sys.executable, "-m", "benchmarks.servers.constant", "--size", str(size)]
    process = subprocess.Popen(pinned(command, SERVER_CORE), stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        path = f"/API/getSession_v3.aspx?node=3000001&authcode={'x' * 128}"  # as long as a real one
        yield _Subject(int(process.stdout.readline().split()[1]), path, (process.pid,))
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def _emulator(sessions: int) -> Iterator[_Subject]:
    with SyncWorld(api=True, speed=1) as world:
        technicians = [world.technician(name) for name in ("alice", "bob", "carol", "dave")]
        for number in range(sessions):
            technicians[number % len(technicians)].pin(f"Customer {number}")
        admin = world.api.user("admin")
        asked = urlencode({"email": admin.email, "pwd": admin.password})
        with urllib.request.urlopen(f"{world.api.url}/requestAuthCode.aspx?{asked}") as answer:
            code = answer.read().decode().partition("AUTHCODE:")[2]
        target = urlsplit(world.api.url)
        path = f"{target.path}/getSession_v3.aspx?{urlencode({'node': 3_000_001, 'authcode': code})}"
        pids = (world.server.pid, _child(world.server.pid))
        yield _Subject(target.port or 0, path, pids)


def _load(subject: _Subject, seconds: float) -> tuple[int, float, int]:
    """Return the answers, the seconds that they took, and the bytes of the last body."""
    request = f"GET {subject.path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    counts, sizes = [0] * _CONNECTIONS, [0]
    end = time.monotonic() + seconds

    def ask(number: int) -> None:
        with socket.create_connection(("127.0.0.1", subject.port)) as raw, raw.makefile("rb") as reader:
            while time.monotonic() < end:
                raw.sendall(request)
                length = 0
                while (line := reader.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                sizes[0] = len(reader.read(length))
                counts[number] += 1

    began = time.monotonic()
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(1, sum(counts)), time.monotonic() - began, sizes[0]


def _pin(pid: int, core: int) -> None:
    cores = sorted(os.sched_getaffinity(0) | os.sched_getaffinity(pid))
    if len(cores) > 1:
        os.sched_setaffinity(pid, {cores[core]})


def _child(parent: int) -> int:
    """Return the process that serves the public API of a server."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            of = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if of == parent and b"rescue_api" in (entry / "cmdline").read_bytes():
                return int(entry.name)
    raise RuntimeError("the server has no public API")
