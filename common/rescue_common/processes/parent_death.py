"""Runs a module as `python -m` does, and ends this process when the one that started it is gone.

`python -m rescue_common.processes.parent_death FD DIR MODULE [ARG]...`: FD is the reading end of a pipe that the parent
writes to. However the parent ends, the operating system closes the writing end; then this process gets
SIGTERM, and SIGKILL if it is still there after a while. DIR, if not empty, is a directory that the parent can
no longer remove then: whoever was on the leash does.

Why a pipe: PR_SET_PDEATHSIG exists on Linux only, fires when the starting thread ends although the parent
lives on, and setting it between fork and exec is not safe in a parent with gRPC's threads.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Sequence

PATIENCE = 5.0  # real seconds between SIGTERM and SIGKILL


class Leash:
    """What ties this process to its parent: the pipe, and what is removed when the parent is gone."""

    def __init__(self, lifeline: int, directory: str) -> None:
        self._lifeline = lifeline
        self._directory = directory
        self._broken = False
        self._ending = False

    def hold(self) -> None:
        """Wait for the parent's end, then end this process."""
        os.read(self._lifeline, 1)
        self._broken = True
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:  # else it is just about to end
            os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(PATIENCE)
        self.tidy()
        os.kill(os.getpid(), signal.SIGKILL)

    def end_early(self, *_: object) -> None:
        """Heed SIGTERM before the program does: end as if nobody listened, but not without having tidied up."""
        if self._broken:
            if not self._ending:
                sys.exit(128 + signal.SIGTERM)
            return
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    def end(self) -> None:
        """The program has ended; so will this process, undisturbed."""
        self._ending = True
        self.tidy()

    def tidy(self) -> None:
        """Remove the directory if the parent cannot do it any more."""
        if self._broken and self._directory:
            import shutil  # only needed after an accident

            shutil.rmtree(self._directory, ignore_errors=True)


def run(lifeline: int, directory: str, module: str, arguments: Sequence[str]) -> None:
    """Run the module in this process, on the leash; returns or raises SystemExit when it has ended."""
    os.set_inheritable(lifeline, False)  # what this process starts lives on its own leash, or on none
    leash = Leash(lifeline, directory)
    sys.argv[1:] = arguments
    try:
        signal.signal(signal.SIGTERM, leash.end_early)
        threading.Thread(target=leash.hold, name="leash", daemon=True).start()
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        leash.end()


if __name__ == "__main__":
    run(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
