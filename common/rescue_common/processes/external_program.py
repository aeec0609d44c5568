"""Run a program that is not ours, and kill it when its parent dies.

`python external_program.py FD COMMAND [ARG]...`: FD is the reading end of a pipe whose writing end the parent holds.
When the parent closes it, however it ends, the program is killed with SIGKILL. SIGTERM is passed on. The program's pid
is the first line of stdout; what it prints goes to stderr. `ExternalProgram` is the parent's side.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO


class ExternalProgram:
    """A running program. `pid` is its own, for signals to it alone."""

    def __init__(self, command: Sequence[str | Path], log: IO[bytes]) -> None:
        """Start the command. Its output goes to `log`."""
        reading, self._holding = os.pipe()
        try:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__, str(reading), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=(reading,),
                start_new_session=True,  # Ctrl-C is for the parent, which ends its programs in order
            )
        finally:
            os.close(reading)
        assert self._keeper.stdout is not None  # it was asked for
        with self._keeper.stdout as first:
            self.pid = int(first.readline() or 0)

    @property
    def is_running(self) -> bool:
        """Whether the program has not ended."""
        return self._keeper.poll() is None

    def terminate(self, timeout: float = 10.0) -> None:
        """Ask the program to end, and kill it if it does not within `timeout` real seconds."""
        if self.is_running:
            self._keeper.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._keeper.wait(timeout)
        self.kill()

    def kill(self) -> None:
        """Kill the program, and wait for its end."""
        if self._holding >= 0:
            os.close(self._holding)
            self._holding = -1
        self._keeper.wait()


def run(parent_pipe: int, command: Sequence[str]) -> int:
    """Run the command; return its exit status."""
    child = subprocess.Popen(command, stdout=sys.stderr)
    os.set_inheritable(parent_pipe, False)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())

    def wait_for_death() -> None:
        os.read(parent_pipe, 1)
        child.kill()

    threading.Thread(target=wait_for_death, daemon=True).start()
    print(child.pid, flush=True)
    return child.wait()


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]), sys.argv[2:]))
