"""`rescue exec`: a server for the length of a command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.emulator.pytest.conftest import Leftovers

pytestmark = pytest.mark.timeout(300)  # real programs, on a machine that may be busy
EXEC = [sys.executable, "-m", "rescue_emulator", "exec"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*EXEC, *arguments], capture_output=True, text=True, timeout=200)


def test_a_command_finds_a_server_and_gives_its_status(leftovers: Leftovers) -> None:
    clock = f"{sys.executable} -m rescue_emulator clock --json"
    done = run("--", "sh", "-c", f"{clock} && test -d $RESCUE_DATA && kill -0 $RESCUE_PID && exit 7")
    assert done.returncode == 7, done.stderr
    assert json.loads(done.stdout)["paused"] is True
    assert leftovers.none_within()


def test_a_signal_and_a_missing_command_are_told_as_shells_do(leftovers: Leftovers) -> None:
    assert run("sh", "-c", "kill -TERM $$").returncode == 128 + signal.SIGTERM
    assert run("--", "no-such-command-here").returncode == 127
    assert run().returncode == 2


@pytest.mark.parametrize(("command", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137)])
def test_the_status_is_right_if_the_starter_ignores_the_end_of_children(command: str, status: int) -> None:
    """As some supervisors of containers and daemons do; then every status was 255."""
    ignoring = ["env", "--ignore-signal=CHLD", *EXEC, "--", "sh", "-c", command]
    done = subprocess.run(ignoring, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_it_is_ended(leftovers: Leftovers, tmp_path: Path, how: signal.Signals) -> None:
    there = tmp_path / "there"
    running = subprocess.Popen([*EXEC, "--", "sh", "-c", f"touch {there}; exec sleep 600"], start_new_session=True)
    try:
        assert leftovers.until(lambda: there.exists() or running.poll() is not None, 100)
        running.send_signal(how)
        running.wait(60)
        if how is signal.SIGKILL:  # the command is nobody's now, as after a shell's end; the server goes
            os.killpg(running.pid, signal.SIGKILL)
        else:
            assert running.returncode == 128 + signal.SIGTERM
    finally:
        running.kill()
        running.wait()
    assert leftovers.none_within(60)
