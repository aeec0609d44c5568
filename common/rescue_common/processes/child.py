"""The emulator's programs as child processes: start them, send lines, receive JSON lines, end them.

A program's output is kept: its JSON lines as `events`, the last lines of its stderr as a log. No program is left over:
it ends by itself when its parent dies (see `rescue_common.processes.parent_death`).
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

from rescue_common.processes.forked import LONGEST_LINE, CannotFork, ForkedProcess, own_fork_server, parent_pipe
from rescue_common.signals import expect_children

Event = Mapping[str, Any]
Found = TypeVar("Found")
_LOG_LINES = 200
# The modules that each program loads. A fork server loads them once for all programs.
_LOADS: Final = {
    "rescue_server": ("rescue_server.__main__", "rescue_server.app"),
    "rescue_console": ("rescue_console.__main__", "rescue_console.front_end", "rescue_console.headless"),
    "rescue_applet": ("rescue_applet.__main__",),
    "rescue_web": ("rescue_web.__main__", "rescue_web.serve"),
}
# gRPC reads this when it is loaded, so a forked program could not set it. The programs report errors themselves.
_BEFORE_LOADING: Final = {"GRPC_VERBOSITY": "NONE"}


def prepare(*modules: str) -> None:
    """Load the code of programs that will be started soon, while this process does something else."""
    server = own_fork_server({**_BEFORE_LOADING, **_inherited()})
    if server is not None:
        for module in modules:
            server.load(_LOADS[module])


class ProgramEnded(Exception):
    """A program ended too early. The message has its exit status and the last lines of its log."""

    def __init__(self, program: Program) -> None:
        super().__init__(f"{program.name} ended with status {program.status}\n{program.log_tail()}")
        self.program = program


class Program:
    """One running program. `Program.start` makes one; every program must be stopped.

    `events` are all JSON lines of its stdout so far. `status` is its exit status after its end (negative: the signal).
    """

    def __init__(self, name: str, process: asyncio.subprocess.Process | ForkedProcess) -> None:
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
        """Run a module with this interpreter. `name` is the program's name in messages.

        The program does not get this process's RESCUE_… variables; only its arguments and `environment` count. It may
        leave files in `directory`: if this process dies, the program removes that directory at its end.
        """
        expect_children()
        there, place = {**_inherited(), **(environment or {})}, str(directory or "")
        server = own_fork_server({**_BEFORE_LOADING, **there}) if module in _LOADS else None
        if server is not None:
            with contextlib.suppress(CannotFork):
                return cls(name, await server.fork(module, arguments, there, loads=_LOADS[module], directory=place))
        child = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-P",
                "-m",
                "rescue_common.processes.parent_death",
                str(parent_pipe()),
                place,
                module,
                *arguments,
            ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=there,
            pass_fds=(parent_pipe(),),
            limit=LONGEST_LINE,
            # Only the parent handles Ctrl-C, and stops its programs in order. A group can be killed as a whole.
            start_new_session=True,
        )
        return cls(name, child)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` with every JSON line from now on, in order."""
        self._listeners.append(listener)

    async def send(self, line: str) -> None:
        """Write a line to its stdin. Raises ProgramEnded, and ValueError for text that is more than one line."""
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
        """Wait for the earliest event with a name, or for which a predicate holds, and return it.

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
        """Return the result of `look` that is not None; call it again after each output of the program.

        Raises TimeoutError, and ProgramEnded if the program ends before.
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
        """Wait for the program's own end and return its exit status. Raises TimeoutError."""
        try:
            async with asyncio.timeout(timeout):
                await asyncio.shield(self._reading)
        except TimeoutError:
            raise TimeoutError(f"{self.name} is still running after {timeout:g} s\n{self.log_tail()}") from None
        if self.status is None:
            raise RuntimeError(f"{self.name} has no exit status although its output ended")
        return self.status

    async def stop(self, timeout: float = 5) -> int:
        """Send SIGTERM, after `timeout` real seconds SIGKILL, and return the exit status."""
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
        """Send SIGKILL to the program and to every process that it started; return the exit status."""
        self._kill_group()
        return await self.ended()

    def log_tail(self, lines: int = 12) -> str:
        """Return the last lines of its stderr, each with the program's name."""
        tail = list(self._log)[-lines:]
        return "\n".join(f"  {self.name} | {line}" for line in tail) or f"  {self.name} | (no log)"

    def _kill_group(self) -> None:
        # With a status, no process has its output open any more: the group is gone, and its number may be reused.
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
    """Stop programs at the same time, all of them even if one cannot be stopped. Raises ExceptionGroup."""
    outcomes = await asyncio.gather(*(program.stop() for program in programs), return_exceptions=True)
    failures = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    if failures:
        raise ExceptionGroup("programs could not be stopped", failures)


def _fits(event: Event, wanted: str | Callable[[Event], bool]) -> bool:
    return event.get("event") == wanted if isinstance(wanted, str) else wanted(event)


def _inherited() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("RESCUE_")}
