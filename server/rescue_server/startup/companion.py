"""The companions of the server: `rescue web`, which shows the consoles in a browser, and the public API.

A companion is a client of the contract, and its package is optional. The server starts it, starts it again if it
ends by itself, and ends it. It ends, too, when the server dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from rescue_server.startup.certificates import CannotMakeCertificates

log = logging.getLogger(__name__)
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""Real seconds from an end to the next start; the last of them from then on."""
_RUNS_WELL = 60.0  # real seconds after a start: whatever ended it before is over
_STARTS_WITHIN = 30.0  # real seconds
_ENDS_WITHIN = 5.0

Arguments = Callable[[Mapping[str, str]], Sequence[str]]
"""Returns the arguments of a start, by the URLs of the start before: at first there are none."""


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


def _ignore(urls: Mapping[str, str]) -> None:
    pass


@contextlib.asynccontextmanager
async def companion(
    kind: CompanionKind,
    arguments: Arguments,
    *,
    key: str = "",
    on_again: Callable[[Mapping[str, str]], None] = _ignore,
    pauses: Sequence[float] = PAUSES,
) -> AsyncIterator[Mapping[str, str]]:
    """Run it for the length of the block, and yield its URLs. It reads the key, if there is one, from its stdin.

    `on_again` is told the URLs after every further start. Raises NoCompanion if the first start fails.
    """
    kept = _Companion(kind, arguments, key)
    keeping: asyncio.Task[None] | None = None
    try:
        await kept.start()
        keeping = asyncio.create_task(kept.keep(on_again, pauses))
        yield kept.urls
    finally:
        if keeping is not None:
            keeping.cancel()
            await asyncio.wait([keeping])
        await kept.end()


class _Companion:
    """One companion: one process after the other."""

    def __init__(self, kind: CompanionKind, arguments: Arguments, key: str) -> None:
        self._kind = kind
        self._arguments = arguments
        self._key = key
        self._process: asyncio.subprocess.Process | None = None
        self._alive = contextlib.ExitStack()
        self.urls: Mapping[str, str] = {}

    async def start(self) -> None:
        """Start a process, and wait until it is ready. Raises NoCompanion."""
        reading, writing = os.pipe()
        self._alive.callback(os.close, writing)  # nothing is ever written: it is closed when this process ends
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "rescue_common.processes.parent_death", str(reading), ""),
                *(self._kind.package, *self._arguments(self.urls)),
                stdin=asyncio.subprocess.PIPE if self._key else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                pass_fds=(reading,),
                # Ctrl-C is for the server, which ends its companion in order.
                start_new_session=True,
            )
        finally:
            os.close(reading)
        if self._process.stdin is not None:
            self._process.stdin.write(f"{self._key}\n".encode())
            self._process.stdin.close()
        self.urls = await self._ready(self._process)

    async def keep(self, on_again: Callable[[Mapping[str, str]], None], pauses: Sequence[float]) -> None:
        """Whenever it has ended by itself, start it again; the server goes on meanwhile."""
        loop, tries = asyncio.get_running_loop(), 0
        while self._process is not None:
            began = loop.time()
            status = await self._process.wait()
            tries = 0 if loop.time() - began >= _RUNS_WELL else tries
            why: object = f"the program of {self._kind.what} ended with status {status}"
            while why:
                pause = pauses[min(tries, len(pauses) - 1)]
                log.error("%s; the server goes on, and starts it again in %g s", why, pause)
                tries += 1
                await self.end()
                await asyncio.sleep(pause)
                try:
                    await self.start()
                    on_again(self.urls)
                    why = None
                except NoCompanion as error:
                    why = error
                except (CannotMakeCertificates, OSError) as error:
                    why = f"{self._kind.what}: {error}"

    async def end(self) -> None:
        """End the process, if it runs."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
                try:
                    async with asyncio.timeout(_ENDS_WITHIN):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()
        self._alive.close()

    async def _ready(self, process: asyncio.subprocess.Process) -> Mapping[str, str]:
        assert process.stdout is not None  # it was asked for
        try:
            async with asyncio.timeout(_STARTS_WITHIN):
                line = await process.stdout.readline()
        except TimeoutError:
            raise NoCompanion(f"{self._kind.what} cannot be had: its program does not come up") from None
        if not line:
            await process.wait()
            raise NoCompanion(f"{self._kind.what} could not be started")
        try:
            said = json.loads(line)
        except ValueError:
            raise NoCompanion(f"{self._kind.what} could not be started: its program said {line[:80]!r}") from None
        return {name: str(said[name]) for name in self._kind.urls if said.get(name)}
