"""Run a module as `python -m` does, and end this process when its parent dies.

`python -m rescue_common.processes.parent_death FD DIR MODULE [ARG]...`: FD is the reading end of a pipe whose writing
end the parent holds. However the parent ends, the operating system closes the writing end. Then this process gets
SIGTERM, and SIGKILL if it still runs after a while. DIR, if it is not empty, is a directory that the dead parent cannot
remove; this process removes it.

It is a pipe for three reasons: PR_SET_PDEATHSIG exists on Linux only, it is sent when the starting thread ends although
the parent lives, and a parent with gRPC's threads cannot safely set it between fork and exec.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Sequence

from rescue_common.signals import expect_children

KILL_AFTER = 5.0  # real seconds between SIGTERM and SIGKILL


class ParentWatch:
    """Watches the parent's pipe, and ends this process when the parent died."""

    def __init__(self, parent_pipe: int, directory: str) -> None:
        self._parent_pipe = parent_pipe
        self._directory = directory
        self._parent_died = False
        self._ending = False

    def wait_for_death(self) -> None:
        """Wait until the parent died, then end this process."""
        os.read(self._parent_pipe, 1)
        self._parent_died = True
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:  # otherwise the process is ending already
            os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(KILL_AFTER)
        self.remove_directory()
        os.kill(os.getpid(), signal.SIGKILL)

    def handle_sigterm(self, *_: object) -> None:
        """End the process on a SIGTERM that comes before the program has a handler; remove the directory first."""
        if self._parent_died:
            if not self._ending:
                sys.exit(128 + signal.SIGTERM)
            return
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    def finish(self) -> None:
        """Remove the directory after the program has ended, and ignore later signals."""
        self._ending = True
        self.remove_directory()

    def remove_directory(self) -> None:
        """Remove the directory if the parent died."""
        if self._parent_died and self._directory:
            import shutil  # rarely needed

            shutil.rmtree(self._directory, ignore_errors=True)


def run(parent_pipe: int, directory: str, module: str, arguments: Sequence[str]) -> None:
    """Run the module in this process until the parent dies; return or raise SystemExit when it has ended."""
    os.set_inheritable(parent_pipe, False)  # a child of this process has a parent pipe of its own, or none
    expect_children()
    watch = ParentWatch(parent_pipe, directory)
    sys.argv[1:] = arguments
    try:
        signal.signal(signal.SIGTERM, watch.handle_sigterm)
        threading.Thread(target=watch.wait_for_death, name="parent watch", daemon=True).start()
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        watch.finish()


if __name__ == "__main__":
    run(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
