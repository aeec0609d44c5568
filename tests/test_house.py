"""The house rules that no linter checks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = ("protos", "server", "applet_emulator", "console_client", "emulator", "web_console")
SOURCES = [
    path
    for program in PROGRAMS
    for path in sorted((ROOT / program).rglob("*.py"))
    if not path.stem.endswith(("_pb2", "_pb2_grpc"))
]


def test_the_generated_contract_is_what_the_protos_say(tmp_path: Path) -> None:
    protos = sorted((ROOT / "protos/rescue_protos/v1").glob("*.proto"))
    options = [f"--{kind}={tmp_path}" for kind in ("python_out", "grpc_python_out")]
    options += [f"--{kind}=quiet:{tmp_path}" for kind in ("mypy_out", "mypy_grpc_out")]
    names = [str(path.relative_to(ROOT)) for path in protos]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", "protos", *options, *names]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # the compiler finds its plugins there
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "PATH": path})
    fresh = {path.name: path.read_bytes() for path in (tmp_path / "rescue_protos/v1").iterdir()}
    kept = {path.name: path.read_bytes() for path in protos[0].parent.glob("*_pb2*")}
    assert kept == fresh, "the contract was changed: run `make contract`"


def test_only_packages_stand_in_the_folders_of_the_programs() -> None:
    """A loose module there could be imported by its bare name in an editable install."""
    loose = [path.name for program in PROGRAMS for path in (ROOT / program).glob("*.py")]
    assert loose == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for_and_stays_readable(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith('"""'), "a module starts with what it is for"
    assert len(text.splitlines()) <= 400
