"""A user without a home directory, as containers have: what is told works, and what is missing is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# What the operating system tells such a user, in this process only: no other user is needed.
WITHOUT_HOME = """
import os, pwd, sys
def nobody(*_): raise KeyError("uid not found")
pwd.getpwuid = pwd.getpwnam = nobody
sys.argv[0] = "rescue"
from rescue_emulator.cli.main import main
main()
"""


def rescue(*arguments: str, directory: Path) -> subprocess.Popen[str]:
    hidden = ("HOME", "RESCUE_", "XDG_", "LOGNAME", "USER", "LNAME")
    return subprocess.Popen(
        [sys.executable, "-c", WITHOUT_HOME, *arguments],
        cwd=directory,
        env={name: value for name, value in os.environ.items() if not name.startswith(hidden)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_server_starts_where_it_is_told_to(tmp_path: Path) -> None:
    with rescue("server", "--data", "state", "--json", directory=tmp_path) as server:
        assert server.stdout is not None
        assert json.loads(server.stdout.readline())["event"] == "ready"
        server.terminate()
        assert server.wait(30) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize(
    "command",
    [
        "server",
        "server backup copy",
        "server certificates",
        "clock show",
        "console alice",
        "applet --channel Web",
        "why 1",
        "coverage",
        "exercise list",
    ],
)
def test_without_a_directory_it_is_said_how_to_name_one(command: str, tmp_path: Path) -> None:
    with rescue(*command.split(), directory=tmp_path) as program:
        _, stderr = program.communicate(timeout=60)
    assert program.returncode == 1
    assert stderr.splitlines()[-1].endswith(
        "this user has no home directory: name a state directory with --data DIR or RESCUE_DATA"
    )
    assert list(tmp_path.iterdir()) == []
