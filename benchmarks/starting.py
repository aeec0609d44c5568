"""How long a user waits for a program to be there."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import suppress

from benchmarks.programs import ROOT, server
from rescue_emulator.testing import World


def starting(kind: str) -> dict[str, float]:
    """Start the server, print a help text, and make two worlds one after the other."""
    with server(kind) as subject:
        ready = subject.seconds_to_ready
    began = time.monotonic()
    with suppress(subprocess.CalledProcessError):
        subprocess.run([sys.executable, "-m", "rescue_emulator", "--help"], check=True, capture_output=True, cwd=ROOT)
    helped = time.monotonic() - began
    first, second = asyncio.run(_worlds())
    return {
        "server ready ms": 1000 * ready,
        "rescue --help ms": 1000 * helped,
        "first World() ms": 1000 * first,
        "next World() ms": 1000 * second,
    }


async def _worlds() -> tuple[float, float]:
    took = []
    for _ in range(2):
        began = time.monotonic()
        async with World():
            took.append(time.monotonic() - began)
    return took[0], took[1]
