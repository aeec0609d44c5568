"""The companions of the server: `rescue web`, which shows the consoles in a browser, and the public API.

A companion is a client of the contract, and its package is optional. The server starts it and ends it. It ends,
too, when the server dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

log = logging.getLogger(__name__)
_STARTS_WITHIN = 30.0  # real seconds
_ENDS_WITHIN = 5.0


class NoCompanion(Exception):
    """The companion could not be started. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionKind:
    """One kind: `name` is that of the server's option and of the extra; its ready line may have `urls`."""

    name: str
    package: str
    what: str
    urls: tuple[str, ...]
    needs: tuple[str, ...] = ("starlette", "uvicorn")

    def check(self) -> None:
        """Raise NoCompanion if a package that it needs is not installed."""
        if any(find_spec(name) is None for name in (self.package, *self.needs)):
            raise NoCompanion(
                f"--{self.name} needs {', '.join(self.needs)}: pip install 'rescue-emulator[{self.name}]'"
            )


PAGES = CompanionKind(name="web", package="rescue_web", what="the consoles in the browser", urls=("web",))
PUBLIC_API = CompanionKind(
    name="api",
    package="rescue_api",
    what="the public API",
    urls=("api", "api_tls", "api_proxy", "api_ca"),
    needs=("starlette", "uvicorn", "h11", "defusedxml"),
)


@contextlib.asynccontextmanager
async def companion(kind: CompanionKind, *arguments: str, key: str = "") -> AsyncIterator[Mapping[str, str]]:
    """Run it for the length of the block, and yield its URLs. It reads the key, if there is one, from its stdin.

    Raises NoCompanion.
    """
    reading, writing = os.pipe()
    with open(writing, "wb"):  # noqa: ASYNC230, nothing is ever written: it is closed when this process ends
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "rescue_common.processes.parent_death", str(reading), "", kind.package),
            *arguments,
            stdin=asyncio.subprocess.PIPE if key else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(reading,),
            # Ctrl-C is for the server, which ends its companion in order.
            start_new_session=True,
        )
        os.close(reading)
        try:
            if process.stdin is not None:
                process.stdin.write(f"{key}\n".encode())
                process.stdin.close()
            urls = await _ready(process, kind)
            watching = asyncio.create_task(_tell_end(process, kind))
            try:
                yield urls
            finally:
                watching.cancel()
        finally:
            await _end(process)


async def _ready(process: asyncio.subprocess.Process, kind: CompanionKind) -> Mapping[str, str]:
    assert process.stdout is not None  # it was asked for
    try:
        async with asyncio.timeout(_STARTS_WITHIN):
            line = await process.stdout.readline()
    except TimeoutError:
        raise NoCompanion(f"{kind.what} cannot be had: its program does not come up") from None
    if not line:
        await process.wait()
        raise NoCompanion(f"{kind.what} could not be started")
    said = json.loads(line)
    return {name: str(said[name]) for name in kind.urls if said.get(name)}


async def _tell_end(process: asyncio.subprocess.Process, kind: CompanionKind) -> None:
    """Say it if the companion ends by itself; the server goes on without it."""
    status = await process.wait()
    log.error(
        "the program of %s ended with status %s; the server goes on without it; start the server again to have it back",
        kind.what,
        status,
    )


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
