"""The wheel on each Python that the project is for and the machine has, beside the one that runs the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]


def run(*words: str | Path, cwd: Path | None = None) -> str:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("RESCUE_", "PYTHON"))}
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=600, env=plain, cwd=cwd
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def interpreter(version: str) -> str | None:
    """Return a Python of this version, if the machine has one that starts."""
    found = shutil.which(f"python{version}")
    if found is None or subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode:
        return None
    return found


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", [one for one in VERSIONS if one != f"3.{sys.version_info.minor}"])
def test_every_row_is_played_and_every_module_loaded(version: str, tmp_path: Path) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "dist", cwd=ROOT)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    run(python, "-m", "venv", tmp_path / "venv")
    own = tmp_path / "venv" / "bin" / "python"
    run(own, "-m", "pip", "install", "--quiet", f"{wheel}[{','.join(EXTRAS)}]")
    run(
        own, "-W", "error::DeprecationWarning:rescue_", "-c",
        "import pkgutil, importlib\n"
        "for name in ('client', 'console', 'applet', 'server', 'emulator', 'web', 'api'):\n"
        "    top = 'rescue_' + name\n"
        "    for one in pkgutil.walk_packages(importlib.import_module(top).__path__, top + '.'):\n"
        "        if not one.name.endswith(('.__main__', '.worlds', '.plugin')) and '.pytest' not in one.name:\n"
        "            importlib.import_module(one.name)",
    )  # fmt: skip
    assert "62" in run(own, "-m", "rescue_emulator", "conformance").splitlines()[-1]
