"""The server allows itself as many open files as it may, and says when they are used up."""

from __future__ import annotations

import subprocess
import sys

RUN = """
import asyncio, logging, os, resource
from rescue_server.startup import open_files
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 64))
open_files.LOOK_EVERY = 0.01

async def main():
    allowed = open_files.raise_limit()
    print("allowed", allowed)
    watching = asyncio.create_task(open_files.watch_limit(allowed))
    await asyncio.sleep(0)
    for round in range(2):
        taken = []
        try:
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            await asyncio.sleep(0.05)
        for each in taken:
            os.close(each)
        await asyncio.sleep(0.05)
    watching.cancel()

asyncio.run(main())
"""


def test_the_soft_limit_is_raised_and_each_time_that_it_is_reached_is_told_once() -> None:
    done = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "allowed 64\n"
    told = done.stderr.splitlines()
    assert told[0] == "WARNING open files: 64 at most, and so somewhat fewer connections"
    assert [line.partition(" files")[0] for line in told[1:]] == ["ERROR all 64"] * 2
