"""The emulator's programs as child processes: started, spoken to in lines, listened to in JSON, ended.

A program's whole output is kept: its JSON lines as `events`, the last lines of its stderr as `log`. None is
left behind: a program whose parent is gone ends by itself (see `rescue_common.processes.parent_death`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from rescue_common.processes.forked import LONGEST_LINE, CannotFork, Forked, fork_server, lifeline

Event = Mapping[str, Any]
Found = TypeVar("Found")
_LOG_LINES = 200
# What the programs come to load; where there is a fork server, it loads that once for all of them.
_LOADS: Final = {
    "rescue_server": ("rescue_server.__main__", "rescue_server.app"),
    "rescue_console": ("rescue_console.__main__", "rescue_console.front_end", "rescue_console.headless"),
    "rescue_applet": ("rescue_applet.__main__",),
    "rescue_web": ("rescue_web.__main__", "rescue_web.serve"),
}
# gRPC heeds this when it is loaded, before a program that is forked can choose; they say themselves what went wrong.
_BEFORE_LOADING: Final = {"GRPC_VERBOSITY": "NONE"}


class ProgramEnded(Exception):
    """A program ended although more was expected of it; the message has its exit status and last log lines."""

    def __init__(self, program: Program) -> None:
        super().__init__(f"{program.name} ended with status {program.status}\n{program.log_tail()}")
        self.program = program


class Program:
    """One running program. Get one from `Program.start`; every program must be stopped.

    `events` are all JSON lines of its stdout so far, `pid` its process, `status` its exit status (negative:
    the signal) once it has ended.
    """

    def __init__(self, name: str, process: asyncio.subprocess.Process | Forked) -> None:
        self.name = name
        self.pid = process.pid
        self.events: list[Event] = []
        self.status: int | None = None
        self._process = process
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._taken: set[int] = set()
        self._listeners: list[Callable[[Event], None]] = []
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read(), name=f"read {name}")

    @classmethod
    async def start(
        cls,
        name: str,
        module: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> Program:
        """Run a module with this interpreter. `name` is what it is called in messages.

        RESCUE_… of this process's environment is not passed on: the arguments, and `environment`, alone decide.
        `directory` is where it may leave files behind: if this process dies, the program removes it at its end.
        """
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("RESCUE_")}
        there, place = {**inherited, **(environment or {})}, str(directory or "")
        server = fork_server({**_BEFORE_LOADING, **there}) if module in _LOADS else None
        if server is not None:
            with contextlib.suppress(CannotFork):
                return cls(name, await server.fork(module, arguments, there, loads=_LOADS[module], directory=place))
        child = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-P",
                "-m",
                "rescue_common.processes.parent_death",
                str(lifeline()),
                place,
                module,
                *arguments,
            ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=there,
            pass_fds=(lifeline(),),
            limit=LONGEST_LINE,
            # Ctrl-C is for the parent, which then stops its programs in order; and a group can be killed as a whole.
            start_new_session=True,
        )
        return cls(name, child)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Have every JSON line from now on given to `listener`, in order."""
        self._listeners.append(listener)

    async def send(self, line: str) -> None:
        """Write a line to its stdin. Raises ProgramEnded, and ValueError for a line that is not one."""
        if "\n" in line or "\r" in line:
            raise ValueError(f"{line!r} is more than one line")
        if self._process.stdin is None or self.status is not None:
            raise ProgramEnded(self)
        try:
            self._process.stdin.write(f"{line}\n".encode())
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            await self.ended()
            raise ProgramEnded(self) from None

    async def event(self, wanted: str | Callable[[Event], bool], timeout: float = 10) -> Event:
        """Return the earliest event that fits, by its name or a predicate, waiting for it if need be.

        Each event is returned once. `timeout` is in real seconds. Raises TimeoutError, ProgramEnded.
        """

        def untaken() -> Event | None:
            for number, event in enumerate(self.events):
                if number not in self._taken and _fits(event, wanted):
                    self._taken.add(number)
                    return event
            return None

        return await self.until(untaken, timeout=timeout, what=f"event {wanted}")

    async def until(self, look: Callable[[], Found | None], *, timeout: float, what: str) -> Found:
        """Return what `look` finds (not None), looking again whenever the program has printed something.

        Raises TimeoutError, and ProgramEnded if it never can be found any more.
        """
        try:
            async with asyncio.timeout(timeout):
                while (found := look()) is None:
                    if self.status is not None:
                        raise ProgramEnded(self)
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(f"{self.name}: no {what} within {timeout:g} s\n{self.log_tail()}") from None
        return found

    async def ended(self, timeout: float = 10) -> int:
        """Wait until it has ended by itself and return its exit status. Raises TimeoutError."""
        try:
            async with asyncio.timeout(timeout):
                await asyncio.shield(self._reading)
        except TimeoutError:
            raise TimeoutError(f"{self.name} is still running after {timeout:g} s\n{self.log_tail()}") from None
        assert self.status is not None  # reading ends with the process
        return self.status

    async def stop(self, timeout: float = 5) -> int:
        """Ask it to end, make it end after `timeout` real seconds, and return its exit status."""
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
        try:
            return await self.ended(timeout)
        except (TimeoutError, asyncio.CancelledError) as reason:
            self._kill_group()
            if isinstance(reason, asyncio.CancelledError):
                raise
        return await self.ended()

    async def kill(self) -> int:
        """End it and all it started at once, without a word."""
        self._kill_group()
        return await self.ended()

    def log_tail(self, lines: int = 12) -> str:
        """Return the last lines of its stderr, each with the program's name."""
        tail = list(self._log)[-lines:]
        return "\n".join(f"  {self.name} | {line}" for line in tail) or f"  {self.name} | (no log)"

    def _kill_group(self) -> None:
        # Ended means that nobody holds its output any more: there is no group, and its number may be another's.
        if self.status is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def _read(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read_events())
            group.create_task(self._read_log())
        self.status = await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._news.set()

    async def _read_events(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                event = None
            if isinstance(event, dict):
                self.events.append(event)
                for listener in self._listeners:
                    listener(event)
            else:
                self._log.append(f"(stdout, no JSON) {line.decode(errors='replace').rstrip()}")
            self._news.set()

    async def _read_log(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self._log.append(line.decode(errors="replace").rstrip())


async def stop_all(programs: Sequence[Program]) -> None:
    """Stop programs at the same time; none is forgotten because another makes trouble."""
    outcomes = await asyncio.gather(*(program.stop() for program in programs), return_exceptions=True)
    failures = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    if failures:
        raise ExceptionGroup("programs could not be stopped", failures)


def _fits(event: Event, wanted: str | Callable[[Event], bool]) -> bool:
    return event.get("event") == wanted if isinstance(wanted, str) else wanted(event)
