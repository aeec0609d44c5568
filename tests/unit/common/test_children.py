"""A program learns how its children end, however it was started itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

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


PREPARED = """
import asyncio, os
from pathlib import Path
from rescue_common.processes.child import Program, prepare

def children():
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()

async def main():
    prepare("rescue_console", "rescue_applet")
    before = children()
    program = await Program.start("applet", "rescue_applet", "--help", environment={"RESCUE_LANG": "nl"})
    print(await program.ended(), children() == before, len(before))

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks programs")
def test_a_prepared_program_is_forked_from_what_was_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", PREPARED], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("0 True 1\n", 0), done.stderr
