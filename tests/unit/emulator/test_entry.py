"""How `rescue` begins: Ctrl-C that comes while it is still being imported, and the former place of the library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rescue_emulator import blocking, testing

INTERRUPT_AT = """
import os, signal, sys

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["INTERRUPT_AT"]:
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupts())
"""


@pytest.mark.parametrize("module", ["click", "rescue_emulator.cli.main", "rescue_emulator.cli.clock", "grpc"])
def test_ctrl_c_during_the_imports_is_130_without_a_traceback(tmp_path: Path, module: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPT_AT)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "rescue_emulator", "clock", "--server", "127.0.0.1:9"],
        env={**os.environ, "PYTHONPATH": path, "INTERRUPT_AT": module, "RESCUE_SECRET": "x"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr


def test_the_former_place_of_the_synchronous_world_still_has_it() -> None:
    assert blocking.SyncWorld is testing.SyncWorld
