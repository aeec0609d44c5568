"""However a process ends that has started programs, and whatever it forks itself, nothing is left behind or lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks only where that is safe")

PARENT = """
import asyncio, os, pathlib, signal, socket, sys
from rescue_common.processes import child
from rescue_common.processes.child import Program
from rescue_common.processes import forked

place = pathlib.Path(sys.argv[1])

def start(module="rescue_console", *arguments):
    return Program.start("alice", module, *(arguments or ("alice", "--json")), directory=place)

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
"""

ENDS = {
    "while the fork server loads": """
send = socket.send_fds
socket.send_fds = lambda *arguments: (send(*arguments), die())
asyncio.run(start())
""",
    "as soon as the child has its pid": """
forked._connect, connect = None, forked._connect
async def connected(ours, end):
    reader, writer = await connect(ours, end)
    async def readline():
        die()
    reader.readline = readline
    return reader, writer
forked._connect = connected
asyncio.run(start())
""",
    "while the child loads": """
async def main():
    await start()
    die()
asyncio.run(main())
""",
    "while the child starts cold": """
child.own_fork_server = lambda environment: None
async def main():
    await start()
    die()
asyncio.run(main())
""",
    "while the child is stopped": """
async def main():
    program = await start("rescue_server", "--data", str(place / "data"), "--json")
    await program.event("ready")
    os.kill(program.pid, signal.SIGSTOP)
    die()
asyncio.run(main())
""",
    "while a fork of it lives": """
async def main():
    program = await start("rescue_server", "--data", str(place / "data"), "--json")
    await program.event("ready")
    if os.fork():
        die()
    while place.exists():
        signal.sigtimedwait([], 0.05)
    os._exit(0)
asyncio.run(main())
""",
}


class Marked:
    """The processes that carry a mark in their environment."""

    def __init__(self, place: Path) -> None:
        self.environment = {**os.environ, "RUN_MARK": str(place)}
        self._mark = f"RUN_MARK={place}\0".encode()

    def processes(self) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdigit() and self._mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return found


@pytest.fixture
def marked(tmp_path: Path) -> Iterator[Marked]:
    found = Marked(tmp_path)
    yield found
    for pid in found.processes():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("when", ENDS)
def test_a_parent_killed_at_any_moment_leaves_no_process_and_no_file(when: str, tmp_path: Path, marked: Marked) -> None:
    place = tmp_path / "world"
    place.mkdir()
    (place / "left").touch()
    ended = run(PARENT + ENDS[when], str(place), environment=marked.environment)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert soon(lambda: not marked.processes() and not place.exists()), (marked.processes(), place.exists())
    assert ended.stderr == ""


def test_worlds_are_had_in_a_fork_of_a_process_that_had_them(tmp_path: Path, marked: Marked) -> None:
    ended = run(
        """
import multiprocessing
from rescue_emulator.world.sync import SyncWorld

def use():
    with SyncWorld() as world:
        world.technician("alice")

before = SyncWorld().__enter__()
child = multiprocessing.get_context("fork").Process(target=use)
child.start()
child.join()
assert child.exitcode == 0
before.technician("bob")  # neither its programs nor its files ended with the fork
assert before.data.exists()
before.__exit__(None, None, None)
use()
""",
        environment=marked.environment,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert soon(lambda: not marked.processes())


def test_a_fork_that_ends_as_scripts_do_leaves_the_files_of_the_world_alone(marked: Marked) -> None:
    ended = run(
        """
import os, sys
from rescue_emulator.world.world import World

world = World()
world._entered = True
directory = world._scratch()
if (child := os.fork()) == 0:
    sys.exit(0)
os.waitpid(child, 0)
assert directory.exists()
world._files.remove()
assert not directory.exists()
""",
        environment=marked.environment,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_script_that_heeds_every_warning_hears_of_none(marked: Marked) -> None:
    ended = run(
        """
import asyncio, os, signal
from rescue_emulator.world.world import World
from rescue_common.processes import forked

async def main():
    asyncio.get_running_loop().slow_callback_duration = 60  # how fast the machine is, is no warning of ours
    async with World() as world:
        alice = await world.technician("alice")
        _, pin = await alice.pin()
        await world.computer(pin=pin)

asyncio.run(main())
((process, _),) = forked._this.fork_servers.values()
process.kill()
process.wait()
asyncio.run(main())
""",
        environment=marked.environment,
        options=("-X", "dev", "-W", "error"),
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert soon(lambda: not marked.processes())


def run(
    script: str, *arguments: str, environment: dict[str, str], options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    # What is left of it would hold its stderr, so that this also waits for that.
    return subprocess.run(
        [sys.executable, *options, "-c", script, *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


def soon(holds: Callable[[], bool], within: float = 20) -> bool:
    deadline = time.monotonic() + within
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held
