"""The house rules that no linter checks."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = (
    "protos",
    "common",
    "client",
    "server",
    "applet_emulator",
    "console_client",
    "emulator",
    "web_console",
    "public_api",
)
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


def test_the_generated_part_of_etcd_is_what_its_proto_says(tmp_path: Path) -> None:
    kept = ROOT / "server/rescue_server/replicated/etcd"
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        "-I",
        str(ROOT / "server"),
        f"--python_out={tmp_path}",
        str(kept / "etcd.proto"),
    ]
    subprocess.run(command, cwd=ROOT, check=True)
    fresh = tmp_path / "rescue_server/replicated/etcd/etcd_pb2.py"
    assert (kept / "etcd_pb2.py").read_bytes() == fresh.read_bytes(), "etcd.proto was changed: run `make contract`"


def test_only_packages_stand_in_the_folders_of_the_programs() -> None:
    """A loose module there could be imported by its bare name in an editable install."""
    loose = [path.name for program in PROGRAMS for path in (ROOT / program).glob("*.py")]
    assert loose == []


NAMED_TWICE = {"Cause", "Organization", "Process", "Status"}
"""What is one thing on both sides of the wire: the client's record and the core's value cannot share code."""


def test_a_class_name_stands_for_one_class() -> None:
    places: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(f"{path.relative_to(ROOT)}:{node.lineno}")
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert set(twice) == NAMED_TWICE, {name: found for name, found in twice.items() if name not in NAMED_TWICE}


def test_whatever_is_imported_is_installed_along() -> None:
    """What only comes with something else, or with the developers' tools, is missing where people install the wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(one for extra in extras.values() for one in extra)]
    declared = {distribution_name(requirement) for requirement in wanted}
    declared |= {"googleapis-common-protos"}  # a part of what grpcio-status promises
    declared |= {"pytest", "pytest-asyncio"}  # who uses the plugin has them
    declared |= {"babel"}  # developers make the catalogs with it
    brings = packages_distributions()
    strangers = {
        f"{path.relative_to(ROOT)}: {package}"
        for path in SOURCES
        for package in imported(path)
        if not {distribution_name(name) for name in brings.get(package, [package])} & declared
    }
    assert strangers == set()


def distribution_name(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")  # type: ignore[index]


def imported(path: Path) -> Iterator[str]:
    """Name the packages of others that a module imports, wherever in it."""
    ours = {folder.name for program in PROGRAMS for folder in (ROOT / program).iterdir()}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            package = name.partition(".")[0]
            if package not in ours and package not in sys.stdlib_module_names:
                yield package


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for_and_stays_readable(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith('"""'), "a module starts with what it is for"
    assert len(text.splitlines()) <= 400
