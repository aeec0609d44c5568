"""Every file of `docs/examples` is run; the pages show these files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rescue_server.startup.organization_file import read_organization

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "docs" / "examples"
BESIDE_A_SERVER = {"administer.py", "many_commands.py", "raw_client.py"}
ELSEWHERE = {
    "follow_queue.py": "tests/e2e/client/test_outside_script.py",
    "ci-action.yaml": "tests/e2e/docs/test_deployment.py",
    "rescue.service": "tests/e2e/docs/test_deployment.py",
    "cluster-compose.yaml": "tests/e2e/docs/test_cluster_examples.py",
    "rescue-cluster.service": "tests/e2e/docs/test_cluster_examples.py",
    "rescue-nats.service": "tests/e2e/docs/test_cluster_examples.py",
    "grpc_node.mjs": "tests/e2e/docs/test_node_example.py",
    "grpc_go.go": "tests/e2e/docs/test_compiled_examples.py",
    "GrpcJava.java": "tests/e2e/docs/test_compiled_examples.py",
    **{path.name: "tests/e2e/docs/test_public_api_examples.py" for path in EXAMPLES.glob("api_*")},
}
"""Those that another test runs."""

pytestmark = pytest.mark.timeout(120)  # real programs, on a machine that may be busy


def named(*suffixes: str) -> list[str]:
    return sorted(path.name for path in EXAMPLES.iterdir() if path.suffix in suffixes and path.name not in ELSEWHERE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the examples to run them in."""
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    return tmp_path / "examples"


def run(*words: str | Path, folder: Path, timeout: float = 100) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HOME": str(folder)}
    done = subprocess.run(
        [str(word) for word in words], cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_example_is_of_a_kind_that_is_run() -> None:
    known = {".py", ".sh", ".yaml", ".toml", ".service", ".mjs", ".php", ".go", ".java"}
    assert {path.suffix for path in EXAMPLES.iterdir() if path.is_file()} <= known
    missing = [test for test in ELSEWHERE.values() if not (ROOT / test).exists()]
    assert missing == []


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_job_of_another_project_runs(folder: Path) -> None:
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", folder, ROOT, folder=folder)
    (folder / "pytest.toml").rename(folder / "pyproject.toml")
    wheel = next(folder.glob("*.whl"))
    run("env", f"RESCUE_WHEEL={wheel}", "bash", "ci.sh", folder=folder, timeout=500)


@pytest.mark.parametrize("name", [name for name in named(".sh") if name != "ci.sh"])
def test_a_shell_script_runs(name: str, folder: Path) -> None:
    script = (folder / name).read_text(encoding="utf-8")
    command = ("bash", "-euo", "pipefail", name)
    server = ("rescue", "exec", "--speed", "20", "--") if script.startswith("# needs a server") else ()
    run(*server, *command, folder=folder)


@pytest.mark.parametrize("name", [name for name in named(".py") if not name.startswith("test_")])
def test_a_python_script_runs(name: str, folder: Path) -> None:
    if name not in BESIDE_A_SERVER:
        run(sys.executable, name, folder=folder)
        return
    secret = 'export RESCUE_SECRET=$(python -c "import json,os;'
    secret += "print(json.load(open(os.environ['RESCUE_DATA']+'/access.json'))['secrets']['alice'])\")"
    shell = f"{secret if name == 'raw_client.py' else ':'}; exec {sys.executable} {name}"
    run("rescue", "exec", "--", "bash", "-c", shell, folder=folder)


def test_the_tests_of_the_pages_pass(folder: Path) -> None:
    settings = tomllib.loads((folder / "pytest.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    run(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:cov", "--rootdir", str(folder)),
        *(*options, *map(str, sorted(folder.glob("test_*.py")))),
        folder=folder,
    )


@pytest.mark.parametrize("name", named(".yaml"))
def test_a_scenario_is_played_as_told(name: str, folder: Path) -> None:
    run("rescue", "scenario", "run", name, folder=folder)


def test_the_organization_file_is_read() -> None:
    events = read_organization(EXAMPLES / "organization.toml", datetime.now(UTC))
    assert {"ops", "dave", "Web"} <= {str(getattr(event, "name", "")) for event in events}


def test_the_scenario_schema_is_json(folder: Path) -> None:
    schema = json.loads(run("rescue", "scenario", "schema", folder=folder))
    assert schema["$schema"].endswith("2020-12/schema")
