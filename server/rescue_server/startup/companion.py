"""The companion of the server: the process of `rescue web`, which shows the consoles in a browser.

The companion is a client like any other, and its package is optional. The server starts it and ends it. A leash ends
it when the server dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

_STARTS_WITHIN = 30.0  # real seconds
_ENDS_WITHIN = 5.0


class NoCompanion(Exception):
    """The companion could not be started. The message says why."""


def check_companion() -> None:
    """Raise NoCompanion if a package that it needs is not installed."""
    if any(find_spec(name) is None for name in ("rescue_web", "starlette", "uvicorn")):
        raise NoCompanion("--web needs Starlette and uvicorn: pip install 'rescue-emulator[web]'")


@contextlib.asynccontextmanager
async def companion(listen: str, *, data: Path, options: tuple[str, ...] = ()) -> AsyncIterator[str]:
    """Run it for the length of the block, and yield its URL. `options` are those of `rescue web`.

    Raises NoCompanion.
    """
    reading, writing = os.pipe()
    with open(writing, "wb"):  # noqa: ASYNC230, nothing is ever written: it is closed when this process ends
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "rescue_common.processes.parent_death", str(reading), "", "rescue_web"),
            *("--listen", listen, "--data", str(data), *options, "--json"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(reading,),
            # Ctrl-C is for the server, which ends its companion in order.
            start_new_session=True,
        )
        os.close(reading)
        try:
            yield await _ready(process)
        finally:
            await _end(process)


async def _ready(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None  # it was asked for
    try:
        async with asyncio.timeout(_STARTS_WITHIN):
            line = await process.stdout.readline()
    except TimeoutError:
        raise NoCompanion("the consoles in the browser do not come up") from None
    if not line:
        await process.wait()
        raise NoCompanion("the consoles in the browser could not be started")
    return str(json.loads(line)["web"])


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            async with asyncio.timeout(_ENDS_WITHIN):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
