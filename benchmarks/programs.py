"""Starting what is measured and what makes the load, and reading a process's CPU time and memory from outside."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SERVER_CORE, LOAD_CORE = 0, 1
STOP_WITHIN = 15.0


@dataclass(slots=True)
class Server:
    """One server that runs, on a core of its own where there are two. `metrics` is HOST:PORT, or empty."""

    kind: str
    process: subprocess.Popen[str]
    port: int
    data: Path
    seconds_to_ready: float
    metrics: str = ""

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        return cpu_of(self.process.pid)

    def memory(self) -> int:
        """Bytes that it holds."""
        return memory_of(self.process.pid)

    def longest_block(self) -> float:
        """Seconds for which its loop did nothing else, at most, since the start. Only with metrics."""
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        found = re.search(r'^rescue_loop_longest_block_seconds\{phase="any"\} (\S+)$', text, re.MULTILINE)
        return float(found[1]) if found else 0.0


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process has used."""
    return time.clock_gettime((~pid << 3) | 2)  # the clock of another process, as Linux numbers them


def memory_of(pid: int) -> int:
    """Return the bytes that a process holds."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0


@contextlib.contextmanager
def server(kind: str, *, data: Path | None = None, metrics: bool = False) -> Iterator[Server]:
    """Run `benchmarks.servers.KIND` for the length of the block, in a directory of its own unless `data` is given."""
    with contextlib.ExitStack() as stack:
        where = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        words = ["--data", str(where)] if kind != "bare" else []
        words += ["--metrics"] if metrics else []
        began = time.monotonic()
        process = start(f"benchmarks.servers.{kind}", *words, core=SERVER_CORE)
        stack.callback(stop, process)
        assert process.stdout is not None
        line = process.stdout.readline().split()
        if line[:1] != ["ready"]:
            raise RuntimeError(f"{kind} did not start: its standard error says why")
        took = time.monotonic() - began
        yield Server(kind, process, int(line[1]), where, took, line[2] if len(line) > 2 else "")


def start(module: str, *arguments: str, core: int | None) -> subprocess.Popen[str]:
    """Start a module on this core, or on any. It ends when this process does, however that ends."""
    reading, _ = os.pipe()  # the writing end is open as long as this process lives
    command = [sys.executable, "-m", "rescue_common.processes.parent_death", str(reading), "", module, *arguments]
    words = command if core is None else pinned(command, core)
    try:
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT, pass_fds=(reading,))
    finally:
        os.close(reading)


def pinned(command: Sequence[str], core: int) -> list[str]:
    """Return the command, kept on one core where there are two."""
    alone = len(os.sched_getaffinity(0)) < 2 or shutil.which("taskset") is None
    return [*command] if alone else ["taskset", "-c", str(sorted(os.sched_getaffinity(0))[core]), *command]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a run of the generator measured. `cpu` is the server's in that time, `attach` the seconds before."""

    seconds: float
    sent: int
    answers: int
    cpu: float
    attach: float
    attach_cpu: float
    memory: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Line:
    """One stream or sequence of calls of the generator; see `generator.c`."""

    path: str
    first: bytes
    next: bytes = b""
    token: str = "-"

    def __str__(self) -> str:
        return f"{self.path} {self.token} {self.first.hex() or '-'} {self.next.hex() or '-'}"


class Generating:
    """The generator at work."""

    def __init__(
        self,
        server: Server,
        mode: str,
        lines: Sequence[Line],
        *,
        rate: float,
        warm: float,
        seconds: float,
        core: int | None,
    ) -> None:
        self._server = server
        self._file = server.data / "load" if server.data.is_dir() else Path(tempfile.mkstemp()[1])
        self._file.write_text("".join(f"{line}\n" for line in lines))
        self._marks: dict[str, tuple[float, float]] = {}
        command = [str(generator()), mode, str(server.port), str(self._file), str(rate), str(warm), str(seconds)]
        _allow_many_files()
        words = command if core is None else pinned(command, core)
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def until(self, event: str) -> dict[str, float]:
        """Read what it says up to an event. Raises RuntimeError if the load failed."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            self._marks[said["event"]] = (said.get("at", 0.0), self._server.cpu())
            if said["event"] == event:
                return {key: value for key, value in said.items() if key != "event"}
        raise RuntimeError("the load generator ended early: the server refused or dropped a connection")

    def figures(self) -> Load:
        """Wait for the end."""
        if "measured" not in self._marks:
            self.until("measured")
        memory = self._server.memory()
        found = self.until("figures")
        self._process.communicate()
        if found["errors"]:
            raise RuntimeError(f"{found['errors']} streams or calls failed")
        begun, attached = self._marks["begun"], self._marks["attached"]
        measuring, measured = self._marks["measuring"], self._marks["measured"]
        return Load(
            seconds=found["seconds"],
            sent=int(found["sent"]),
            answers=int(found["answers"]),
            cpu=measured[1] - measuring[1],
            attach=attached[0] - begun[0],
            attach_cpu=attached[1] - begun[1],
            memory=memory,
            p50_ms=found["p50_ms"],
            p99_ms=found["p99_ms"],
        )

    def close(self) -> None:
        """End it now."""
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def generating(
    server: Server,
    mode: str,
    lines: Sequence[Line],
    *,
    rate: float = 0,
    warm: float = 1,
    seconds: float = 5,
    core: int | None = LOAD_CORE,
) -> Iterator[Generating]:
    """Make load for the length of the block, on this core or on any."""
    load = Generating(server, mode, lines, rate=rate, warm=warm, seconds=seconds, core=core)
    try:
        yield load
    finally:
        load.close()


@functools.cache
def generator() -> Path:
    """Compile the load generator if it changed. Raises FileNotFoundError without a compiler."""
    source = Path(__file__).with_name("generator.c")
    program = source.with_name(".generator")
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            raise FileNotFoundError("the load generator needs a C compiler (cc, gcc or clang)")
        with tempfile.TemporaryDirectory(dir=source.parent) as aside:
            fresh = Path(aside) / "generator"
            subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-o", fresh, source], check=True)
            fresh.replace(program)
    return program


def _allow_many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def stop(process: subprocess.Popen[str]) -> None:
    """End a program, by force if it does not end by itself."""
    process.terminate()
    try:
        process.communicate(timeout=STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
