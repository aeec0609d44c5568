"""A program learns how its children end, however it was started itself."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import asyncio, signal, sys
from rescue_common.processes.child import Program

async def main():
    program = await Program.start("child", "json.tool", "--no-such-option")
    print(await program.ended())

signal.signal(signal.SIGCHLD, signal.SIG_IGN if sys.argv[1] == "ignored" else signal.SIG_DFL)
asyncio.run(main())
"""


def test_the_exit_status_of_a_child_is_right_if_sigchld_was_ignored() -> None:
    for disposition in ("ignored", "default"):
        done = subprocess.run([sys.executable, "-c", PROGRAM, disposition], capture_output=True, text=True, timeout=60)
        assert (done.stdout, done.returncode) == ("2\n", 0), done.stderr
