"""How fast a world is ready, and what the time is spent on: `python tests/e2e/emulator/pytest/benchmark.py`.

Prints medians in milliseconds, one line each. "First" is the first world of a fresh process, imports included, from the
statement before them to the block's first line: it starts the fork server, which loads the server's modules. For each
further one only a process is forked, and five secrets are hashed.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial

ROUNDS = 5
FIRST = """
import time; began = time.perf_counter()
import asyncio, json
from rescue_emulator.testing import World
async def main():
    times = [time.perf_counter() - began]
    for number in range(3):
        start = began if number == 0 else time.perf_counter()
        async with World() as world:
            times.append(time.perf_counter() - start)
            if number == 2:
                start = time.perf_counter()
                alice = await world.technician("alice")
                times.append(time.perf_counter() - start)
                session, pin = await alice.pin()
                start = time.perf_counter()
                await world.computer(pin=pin)
                times.append(time.perf_counter() - start)
                start = time.perf_counter()
    times.append(time.perf_counter() - start)
    print(json.dumps(times))
asyncio.run(main())
"""
PARTS = {
    "python itself": "pass",
    "python and grpc.aio": "import grpc.aio",
    "python and the whole server's modules": "import rescue_server.app",
}
FORKING = """
import asyncio, os, time
from rescue_common.processes.forked import own_fork_server
async def main():
    server = own_fork_server(os.environ)
    for _ in range(2):  # the first has it load
        start = time.perf_counter()
        child = await server.fork("this", [], os.environ, loads=["rescue_server.app"])
        await child.stdout.readline()
        took = time.perf_counter() - start
        await child.wait()
    print(took)
asyncio.run(main())
"""


def main() -> None:
    runs = [json.loads(output(FIRST)) for _ in range(ROUNDS)]
    names = ("import", "first world", "second world", "third world", "a console", "a computer", "leaving")
    for number, name in enumerate(names):
        told(name, [run[number] for run in runs])
    print("of which, and beside it:")
    for name, code in PARTS.items():
        told(f"  {name}", [timed(partial(output, code)) for _ in range(ROUNDS)])
    told("  forking a process that has all that, until its first word", [float(output(FORKING)) for _ in range(ROUNDS)])
    told("  hashing the secrets of five users (19 MiB each)", [timed(hashing) for _ in range(ROUNDS)])
    told("  `rescue server` started cold, until it is ready", [timed(server) for _ in range(ROUNDS)])


def told(name: str, seconds: list[float]) -> None:
    print(f"{name:<60} {statistics.median(seconds) * 1000:6.0f} ms")


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def output(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def hashing() -> None:
    from rescue_server.runtime.credentials import hash_secret

    async def all_of_them() -> None:
        await asyncio.gather(*(asyncio.to_thread(hash_secret, "secret") for _ in range(5)))

    asyncio.run(all_of_them())


def server() -> None:
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "rescue_server", "--data", data, "--json"]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert running.stdout is not None
        running.stdout.readline()
        running.kill()
        running.wait()


if __name__ == "__main__":
    main()
