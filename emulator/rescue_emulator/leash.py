"""Runs a module as `python -m` does, and ends this process when the one that started it is gone.

`python -m rescue_emulator.leash FD MODULE [ARG]...`: FD is the reading end of a pipe that the parent never
writes to. However the parent ends, the operating system closes the writing end; then this process gets
SIGTERM, and SIGKILL if it is still there after a while.

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

PATIENCE = 5.0  # real seconds between SIGTERM and SIGKILL


def _hold(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Take the place of MODULE's own start."""
    lifeline, module = int(sys.argv[1]), sys.argv[2]
    os.set_inheritable(lifeline, False)  # what this process starts lives on its own leash, or on none
    threading.Thread(target=_hold, args=(lifeline,), name="leash", daemon=True).start()
    sys.argv[1:] = sys.argv[3:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
