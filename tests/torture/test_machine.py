"""The failing machine fails as it says: programs on it see a clock that jumped and a disk that does not sync."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.machine_needs import not_to_be_had
from tests.torture.machine import failing_machine, paused


@pytest.fixture(autouse=True)
def _compiler() -> None:
    if shutil.which("cc") is None:
        not_to_be_had("the library needs a C compiler")


PROGRAM = """
import datetime, json, os, sys, time
try:
    with open(sys.argv[1], "w") as file:
        os.fsync(file.fileno())
    error = 0
except OSError as failed:
    error = failed.errno
print(json.dumps([time.time(), datetime.datetime.now().timestamp(), time.monotonic(), error]))
"""


def run(file: Path) -> tuple[float, float, float, int]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, file], capture_output=True, check=True, timeout=30)
    wall, now, monotonic, error = json.loads(done.stdout)
    return wall, now, monotonic, error


def test_the_wall_clock_jumps_and_no_other() -> None:
    with failing_machine() as machine:
        machine.data.mkdir()
        machine.jump(86_400)
        wall, now, monotonic, _ = run(machine.data / "file")
    assert 86_300 < wall - time.time() < 86_500
    assert 86_300 < now - time.time() < 86_500
    assert abs(monotonic - time.monotonic()) < 60


def test_only_its_disk_refuses_to_sync_and_recovers(tmp_path: Path) -> None:
    with failing_machine() as machine:
        machine.data.mkdir()
        with machine.failing_disk():
            assert run(machine.data / "file")[3] == 5  # EIO
            assert run(tmp_path / "elsewhere")[3] == 0
        assert run(machine.data / "file")[3] == 0
    assert "LD_PRELOAD" not in os.environ


def test_a_paused_program_does_nothing_until_it_goes_on() -> None:
    echo = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert echo.stdin is not None
    assert echo.stdout is not None
    with paused(echo.pid):
        stopped = os.waitid(os.P_PID, echo.pid, os.WSTOPPED | os.WNOWAIT)  # waits for it
        assert stopped is not None
        assert stopped.si_status == signal.SIGSTOP
    echo.stdin.write(b"there\n")
    echo.stdin.close()
    assert echo.stdout.read() == b"there\n"
    echo.stdout.close()
    assert echo.wait(20) == 0
