"""Children from a fork server: processes of their own in every way that matters, and none is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rescue_common.processes import child as child_module
from rescue_common.processes import forked
from rescue_common.processes.child import Program
from rescue_common.processes.forked import CannotFork, ForkedProcess, ForkServerClient, own_fork_server
from rescue_emulator.world.world import World

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks only where that is safe")

TELLER = """
import json, os, signal, sys
print("to stderr", file=sys.stderr, flush=True)
print(json.dumps({
    "pid": os.getpid(), "parent": os.getppid(), "session": os.getsid(0), "place": os.readlink("/proc/self/cwd"),
    "arguments": sys.argv[1:], "environment": dict(os.environ), "name": __name__,
    "files": sorted(os.listdir("/proc/self/fd")),
    "random": __import__("random").random(),
}), flush=True)
for line in sys.stdin:
    if line.startswith("exit"):
        sys.exit(int(line.split()[1]))
    if line.startswith("raise"):
        raise ValueError("as asked")
print("end of input", flush=True)
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """One that has the module `teller`; it is the module's own, so that they share a fork server."""
    place = tmp_path_factory.mktemp("modules")
    (place / "teller.py").write_text(TELLER, encoding="utf-8")
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(place)}


@pytest.fixture
def server(environment: Mapping[str, str]) -> ForkServerClient:
    found = own_fork_server(environment)
    assert found is not None
    return found


@pytest.fixture
async def started() -> AsyncIterator[list[ForkedProcess]]:
    children: list[ForkedProcess] = []
    yield children
    for child in children:
        with suppress(ProcessLookupError):
            child.kill()
        await asyncio.wait_for(child.wait(), 10)


async def told(child: ForkedProcess) -> dict[str, Any]:
    line = await asyncio.wait_for(child.stdout.readline(), 10)
    return dict(json.loads(line))


async def test_a_child_is_a_process_as_if_started_cold(
    server: ForkServerClient,
    environment: Mapping[str, str],
    tmp_path: Path,
    started: list[ForkedProcess],
    monkeypatch: Any,
) -> None:
    monkeypatch.chdir(tmp_path)
    wanted = {**environment, "MARK": "of the child"}
    child = await server.fork("teller", ["one", "two words"], wanted, loads=())
    started.append(child)
    said = await told(child)
    assert said["pid"] == said["session"] == child.pid
    assert said["parent"] != os.getpid()
    assert (said["place"], said["arguments"], said["name"]) == (str(tmp_path), ["one", "two words"], "__main__")
    assert said["environment"] == wanted
    assert child.stderr is not None
    assert await asyncio.wait_for(child.stderr.readline(), 10) == b"to stderr\n"
    child.stdin.close()
    assert await asyncio.wait_for(child.stdout.read(), 10) == b"end of input\n"
    assert await child.wait() == child.returncode == 0
    with pytest.raises(ProcessLookupError):
        child.send_signal(signal.SIGTERM)


async def test_children_share_no_descriptors_and_no_chance(
    server: ForkServerClient, environment: Mapping[str, str], started: list[ForkedProcess]
) -> None:
    said = []
    for _ in range(3):
        started.append(await server.fork("teller", [], environment, loads=()))
        said.append(await told(started[-1]))
    assert len({one["random"] for one in said}) == 3
    assert len({len(one["files"]) for one in said}) == 1


@pytest.mark.parametrize(
    ("how", "status"),
    [("exit 3", 3), ("raise", 1), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)],
)
async def test_how_it_ended_is_told(
    server: ForkServerClient,
    environment: Mapping[str, str],
    started: list[ForkedProcess],
    how: str | signal.Signals,
    status: int,
) -> None:
    child = await server.fork("teller", [], environment, loads=())
    started.append(child)
    await told(child)
    if isinstance(how, str):
        child.stdin.write(f"{how}\n".encode())
    else:
        child.send_signal(how)
    assert await asyncio.wait_for(child.wait(), 10) == status


async def test_what_cannot_be_loaded_says_so_itself(server: ForkServerClient, environment: Mapping[str, str]) -> None:
    child = await server.fork("no_such_module", [], environment, loads=("no_such_module",))
    assert child.stderr is not None
    assert b"No module named no_such_module" in await asyncio.wait_for(child.stderr.read(), 10)
    assert await child.wait() == 1


async def test_a_start_that_is_given_up_leaves_no_child(
    server: ForkServerClient, environment: Mapping[str, str], started: list[ForkedProcess]
) -> None:
    started.append(await server.fork("teller", [], environment, loads=()))
    parent = (await told(started[0]))["parent"]
    starting = asyncio.create_task(server.fork("teller", [], environment, loads=()))
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert await soon(lambda: children_of(parent) == [started[0].pid])


async def test_a_killed_fork_server_takes_nobody_along_and_is_replaced(
    environment: Mapping[str, str], started: list[ForkedProcess]
) -> None:
    own = {**environment, "PYTHONHASHSEED": "7"}  # has a fork server of its own
    first = own_fork_server(own)
    assert first is not None
    child = await first.fork("teller", [], own, loads=())
    started.append(child)
    os.kill((await told(child))["parent"], signal.SIGKILL)
    assert await soon(lambda: own_fork_server(own) is not first)
    with pytest.raises(CannotFork):
        await first.fork("teller", [], own, loads=())
    second = own_fork_server(own)
    assert second is not None
    started.append(await second.fork("teller", [], own, loads=()))
    await told(started[-1])
    # The first goes on and can be ended; only its status cannot be known any more.
    child.stdin.write(b"\n")
    assert not child.stdout.at_eof()
    assert child.returncode is None
    child.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(child.stdout.read(), 10) == b""
    assert await child.wait() == 255


async def test_starting_can_be_given_up_while_the_fork_server_does_not_answer(
    server: ForkServerClient,
    environment: Mapping[str, str],
    started: list[ForkedProcess],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started.append(await server.fork("teller", [], environment, loads=()))
    parent = (await told(started[0]))["parent"]
    os.kill(parent, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await server.fork("teller", [], environment, loads=())
        monkeypatch.setattr(forked, "_TIMEOUT", 0.1)
        with pytest.raises(CannotFork):
            await server.fork("teller", [], environment, loads=())
        monkeypatch.undo()
    finally:
        os.kill(parent, signal.SIGCONT)
    started.append(await server.fork("teller", [], environment, loads=()))  # behind the two that nobody wants
    assert await soon(lambda: sorted(children_of(parent)) == sorted(child.pid for child in started))


async def test_many_start_at_the_same_moment(
    server: ForkServerClient, environment: Mapping[str, str], started: list[ForkedProcess]
) -> None:
    numbers = [str(number) for number in range(30)]
    started += await asyncio.gather(*(server.fork("teller", [number], environment, loads=()) for number in numbers))
    said = [await told(child) for child in started]
    assert [one["arguments"] for one in said] == [[number] for number in numbers]
    assert [one["pid"] for one in said] == [child.pid for child in started]


async def test_what_the_parent_has_may_be_odd(
    environment: Mapping[str, str], started: list[ForkedProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    odd = {**environment, "LANG": "C.UTF-8", "BYTES": "\udcff\n", "LARGE": "x" * 100_000}  # a fork server of its own
    with contextlib.ExitStack() as files:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
        files.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        while files.enter_context(open(os.devnull, "rb")).fileno() < 1100:  # more than select() can watch  # noqa: ASYNC230
            pass
        server = own_fork_server(odd)
        assert server is not None
        child = await server.fork("teller", ["\udcff", "", "a\nb"], odd, loads=())
        started.append(child)
        said = await told(child)
    assert said["arguments"] == ["\udcff", "", "a\nb"]
    assert said["environment"] == odd
    assert said["place"] == f"{gone} (deleted)"


async def test_the_programs_are_forked_where_no_grpc_has_run() -> None:
    async with World() as world:
        alice = await world.technician("alice")
        _, pin = await alice.pin()
        computer = await world.computer(pin=pin)
        pids = [world.server.pid, alice.program.pid, computer.program.pid, computer.applet_pid]
        parents = {parent_of(pid) for pid in pids if pid is not None}
        assert len(parents) == 1
        (parent,) = parents
        assert parent != os.getpid()
        # A thread would mean that gRPC has begun to work there, and would be missing in the children.
        assert len(os.listdir(f"/proc/{parent}/task")) == 1
        # Who looks at the processes of the machine can tell them apart.
        lines = [command_line(pid) for pid in pids if pid is not None]
        assert [line[0] for line in lines] == [
            *("rescue_server", "rescue_console", "rescue_applet", "rescue_applet.applet_process"),
        ]
        assert lines[1][1] == "alice"
        assert computer.applet_pid is not None
        os.kill(computer.program.pid, signal.SIGKILL)
        assert await soon(lambda: computer.applet_pid not in children_of(parent))


async def test_without_a_fork_server_programs_start_cold(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        async def fork(self, *_: object, **__: object) -> ForkedProcess:
            raise CannotFork("no room")

    monkeypatch.setattr(child_module, "own_fork_server", lambda environment: Gone())
    program = await Program.start("applet", "rescue_applet", "--pin", "123456", "--server", "127.0.0.1:1", "--json")
    try:
        assert parent_of(program.pid) == os.getpid()
    finally:
        await program.kill()


async def test_a_program_can_be_killed_as_soon_as_it_is_there() -> None:
    for _ in range(5):
        program = await Program.start(
            "computer", "rescue_applet", "--pin", "123456", "--server", "127.0.0.1:1", "--json"
        )
        assert await program.kill() == -signal.SIGKILL


@pytest.mark.parametrize("cold", [False, True])
async def test_modules_of_the_working_directory_are_not_those_of_programs(
    cold: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "click.py").write_text("raise ImportError('of a test, not of the program')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    if cold:
        monkeypatch.setattr(child_module, "own_fork_server", lambda environment: None)
    program = await Program.start("applet", "rescue_applet", "--help")
    assert await program.ended() == 0, program.log_tail()


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])


def command_line(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")


def children_of(pid: int) -> list[int]:
    found = []
    for place in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if parent_of(int(place.name)) == pid:
                found.append(int(place.name))
    return found


async def soon(holds: Callable[[], bool], within: float = 10) -> bool:
    deadline = time.monotonic() + within
    while not (held := holds()) and time.monotonic() < deadline:  # noqa: ASYNC110, what other processes do sets no event
        await asyncio.sleep(0.02)
    return held
