"""The clients of the documents and the sample project, run as their users run them, meet a session that waits."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rescue_emulator.testing import SyncWorld
from tests.machine_needs import not_to_be_had

ROOT = Path(__file__).parents[3]
TAP = "tap-logmeinrescue==0.0.10"
EXAMPLES = ROOT / "docs" / "examples"
CLIENTS = {
    "api_requests.py": [sys.executable],
    "api_node.mjs": ["node"],
    "api_soap.php": ["php"],
    "api_table.sh": ["bash", "-euo", "pipefail"],
}
ELSEWHERE = {"api_proxy.py", "api_hosts.sh", "api_tap_install.sh", "api_tap.sh"}
pytestmark = pytest.mark.timeout(110)


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """A server with a session that waits, and what leads clients there."""
    with SyncWorld(api=True, options=("--api-proxy", "127.0.0.1:0")) as world:
        alice = world.technician("alice")
        session, pin = alice.pin("Ms Vos")
        world.computer(pin=pin)
        alice.sees(session, "Waiting")
        user = world.api.user("admin")
        own = {"RESCUE_API_EMAIL": user.email, "RESCUE_API_PASSWORD": user.password, "SESSION": session}
        yield {**os.environ, **world.api.addresses.variables(proxy=True), **own}


def run(*words: str | Path, environment: dict[str, str], folder: Path | None = None) -> str:
    done = subprocess.run(
        [str(word) for word in words], env=environment, cwd=folder, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_lists_the_sessions(name: str, environment: dict[str, str]) -> None:
    program, *options = CLIENTS[name]
    if shutil.which(program) is None:
        not_to_be_had(f"{program} is not installed")
    output = run(program, *options, EXAMPLES / name, environment=environment)
    assert output.split("\n") == [f"{environment['SESSION']} Ms Vos Waiting", ""]


def test_a_client_with_a_fixed_host_is_led_by_the_proxy(environment: dict[str, str]) -> None:
    output = run(sys.executable, EXAMPLES / "api_proxy.py", environment=environment)
    assert "Email:alice@rescue.test" in output


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_tap_of_a_data_pipeline_reads_reports_unmodified(tmp_path: Path) -> None:
    if subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", "-qd", tmp_path, TAP]).returncode != 0:
        not_to_be_had("the package registry has no tap-logmeinrescue")
    shell = ("bash", "-euo", "pipefail")
    run(*shell, EXAMPLES / "api_tap_install.sh", environment=dict(os.environ), folder=tmp_path)
    with SyncWorld(api=True, options=("--api-proxy", "127.0.0.1:0")) as world:
        # The tap cannot discover while its first technician has a session to report.
        bob = world.technician("bob")
        session, pin = bob.pin("Ms Vos")
        world.computer(pin=pin)
        bob.start(session)
        bob.end(session)
        user = world.api.user("admin")
        own = {"RESCUE_API_EMAIL": user.email, "RESCUE_API_PASSWORD": user.password}
        there = {**os.environ, **world.api.addresses.variables(proxy=True), **own}
        output = run(*shell, EXAMPLES / "api_tap.sh", environment=there, folder=tmp_path)
    records = [json.loads(line) for line in output.splitlines()]
    people = {one["record"]["name"] for one in records if one["stream"] == "technicians"}
    assert people == {"alice", "bob", "carol", "dave"}
    (report,) = [one["record"] for one in records if one["stream"] == "session_report"]
    assert (report["session_id"], report["technician_name"], report["name"]) == (int(session), "bob", "Ms Vos")


@pytest.mark.long
def test_clients_with_a_fixed_host_and_no_proxy_are_led_by_the_hosts_file(tmp_path: Path) -> None:
    apart = ["unshare", "--net", "--mount", "sh", "-c"]  # port 443 of a network of its own
    needed = all(map(shutil.which, ("unshare", "ip", "node", "php")))
    if not needed or subprocess.run([*apart, "ip link set lo up"], capture_output=True).returncode != 0:
        not_to_be_had("root, network namespaces, Node and PHP are needed")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = f"ip link set lo up; exec bash -euo pipefail {EXAMPLES / 'api_hosts.sh'}"
    output = run(*apart, script, environment={**os.environ, "PATH": path}, folder=tmp_path)
    assert output == "OKOK"


def test_every_client_of_the_documents_is_run_here() -> None:
    assert {path.name for path in EXAMPLES.glob("api_*")} == {*CLIENTS, *ELSEWHERE}


@pytest.mark.long
def test_the_sample_project_tests_itself(tmp_path: Path) -> None:
    project = shutil.copytree(ROOT / "examples" / "api-wallboard", tmp_path / "project")
    output = run(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:cov"),
        environment={**os.environ, "PYTEST_ADDOPTS": ""},
        folder=project,
    )
    assert "2 passed" in output


def test_the_sample_project_runs_beside_an_emulator(environment: dict[str, str]) -> None:
    wallboard = ROOT / "examples" / "api-wallboard" / "wallboard.py"
    board = run(sys.executable, wallboard, "--once", environment=environment).splitlines()
    assert board == [f"{environment['SESSION']:>6}  Ms Vos                alice       Waiting", "Web: open"]
