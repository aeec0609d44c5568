"""The sample project in a fresh virtual environment that has the wheel and nothing else of ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)  # real programs, on a machine that may be busy

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel; what the wheel depends on is taken from this environment, not loaded."""
    directory = tmp_path_factory.mktemp("fresh")
    done(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", directory, cwd=ROOT)
    (wheel,) = directory.glob("*.whl")
    venv.create(directory / "venv", with_pip=False, symlinks=True)
    python = directory / "venv/bin/python"
    done(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    (site,) = (directory / "venv/lib").glob("python*/site-packages")
    # A line in a .pth file does not run that directory's own .pth files: the editable install stays out.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return directory / "venv/bin"


def done(*command: str | Path, cwd: Path | None = None, path: Path | None = None) -> str:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("RESCUE_", "PYTEST_", "PYTHONPATH"))
    }
    if path is not None:
        environment["PATH"] = f"{path}:{environment['PATH']}"
    ended = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, timeout=280
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "examples/wallboard", tmp_path / "wallboard"))


def test_the_wheel_is_what_is_tested(fresh: Path, project: Path) -> None:
    home = done(fresh / "python", "-c", "import rescue_emulator; print(rescue_emulator.__file__)", cwd=project)
    assert Path(home).is_relative_to(fresh.parent)


@pytest.mark.long
def test_the_sample_projects_tests_pass(fresh: Path, project: Path) -> None:
    out = done(fresh / "python", "-m", "pytest", "-p", "no:cacheprovider", "-q", cwd=project, path=fresh)
    assert "3 passed" in out


@pytest.mark.long
def test_the_sample_projects_scenario_and_script_pass(fresh: Path, project: Path) -> None:
    done(fresh / "rescue", "scenario", "run", "tests/short-outage.yaml", cwd=project, path=fresh)
    done(fresh / "rescue", "exec", "--", "./tests/in-any-language.sh", cwd=project, path=fresh)
