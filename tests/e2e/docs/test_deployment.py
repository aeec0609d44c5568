"""The files to deploy with: each names what the project has, and what they start works, without a container runtime."""

from __future__ import annotations

import configparser
import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.help_examples import take

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "docs" / "examples"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
ACTION: dict[str, Any] = yaml.safe_load((EXAMPLES / "ci-action.yaml").read_text(encoding="utf-8"))
BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Instruction:
    """One line of the Dockerfile, with the lines that continue it."""

    name: str
    rest: str

    @property
    def words(self) -> list[str]:
        """What is run, of an instruction in the form of a JSON list."""
        found: list[str] = json.loads(self.rest[self.rest.index("[") :])
        return found


def dockerfile() -> list[Instruction]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [Instruction(*line.split(" ", 1)) for line in lines]


def last(name: str) -> Instruction:
    return [one for one in dockerfile() if one.name == name][-1]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **more}


def unit() -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read(EXAMPLES / "rescue.service", encoding="utf-8")
    return found


def test_the_image_is_made_of_what_the_project_has() -> None:
    names = [one.name for one in dockerfile()]
    assert set(names) <= {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE"} | {
        "HEALTHCHECK", "ENTRYPOINT", "CMD",
    }  # fmt: skip
    bases = {re.match(r"python:([\d.]+)-slim\b", one.rest) for one in dockerfile() if one.name == "FROM"}
    versions = {f"Programming Language :: Python :: {base[1]}" for base in bases if base}
    assert len(bases) == len([base for base in bases if base])
    assert versions <= set(PROJECT["project"]["classifiers"])
    extras = next(found[1].split(",") for one in dockerfile() if (found := re.search(r"\.\[([\w,]+)\]", one.rest)))
    assert set(extras) <= set(PROJECT["project"]["optional-dependencies"])
    assert last("ENTRYPOINT").words[0] in PROJECT["project"]["scripts"]


def test_its_processes_have_no_rights_and_its_state_a_volume() -> None:
    user, volume = last("USER").rest, last("VOLUME").rest
    made = next(one.rest for one in dockerfile() if "useradd" in one.rest)
    assert user not in ("root", "0")
    assert re.search(rf"useradd .*\b{user}\b", made)
    assert f"install -d -o {user} -g {user} -m 700 {volume}" in made
    assert f"RESCUE_DATA={volume}" in last("ENV").rest.split()
    after = dockerfile()[dockerfile().index(last("USER")) :]
    assert not any(one.name in ("RUN", "COPY") for one in after)


def test_its_ports_are_those_that_the_server_listens_on() -> None:
    assert set(last("EXPOSE").rest.split()) == set(re.findall(r":(\d+)\b", last("CMD").rest))
    server = COMPOSE["services"]["server"]
    listens = {word.rpartition(":")[2] for word in server["command"] if re.search(r":\d+$", word)}
    assert {port.rpartition(":")[2] for port in server["ports"]} == listens
    assert all(port.startswith("127.0.0.1:") for port in server["ports"]), "without TLS, for this machine only"


def test_the_builder_gets_every_package_and_nothing_private() -> None:
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    taken = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    needed = [*PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]
    needed += ["pyproject.toml", PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]]
    assert [path for path in needed if not any(fnmatch.fnmatch(path, rule) for rule in taken)] == []
    assert "*" in rules


def test_the_volumes_and_dependencies_of_the_services_exist() -> None:
    services = COMPOSE["services"]
    for service in services.values():
        for mount in service["volumes"]:
            name, path = mount.split(":")[:2]
            assert name in COMPOSE["volumes"]
            assert path == last("VOLUME").rest
        assert set(service.get("depends_on", {})) <= set(services)
        assert service["image"] == services["server"]["image"]
        command = service["command"]
        there = command[command.index("--server") + 1] if "--server" in command else "server:50051"
        assert there in [f"server:{port.split(':')[-1]}" for port in services["server"]["ports"]]


def command_lines() -> Iterator[list[str]]:
    """Every line that begins with `rescue` in these files and their page."""
    yield [*last("ENTRYPOINT").words, *last("CMD").words]
    yield last("HEALTHCHECK").words
    for service in COMPOSE["services"].values():
        yield [*last("ENTRYPOINT").words, *service["command"]]
    yield ["rescue", *shlex.split(unit()["Service"]["ExecStart"])[1:]]
    page = (ROOT / "docs" / "how-to" / "deploy.md").read_text(encoding="utf-8")
    for line in re.findall(r"\brescue (?:server|health|console|doctor|reset|events)[^`;|>\n]*", page):
        yield shlex.split(line)


@pytest.mark.parametrize("words", list(command_lines()), ids=" ".join)
def test_every_command_line_is_taken_as_it_stands(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    take(words)


@contextmanager
def served(words: list[str], data: Path) -> Iterator[dict[str, str]]:
    """What the server's command line starts, on free ports."""
    free = [re.sub(r":\d+$", ":0", word) for word in words]
    with subprocess.Popen([*free, "--json"], env=environment(RESCUE_DATA=str(data)), stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            assert process.wait(20) == 0


def test_the_services_find_each_other_by_the_volume_and_the_address(tmp_path: Path) -> None:
    server = [*last("ENTRYPOINT").words, *COMPOSE["services"]["server"]["command"]]
    in_volume = environment(RESCUE_DATA=str(tmp_path))
    with served(server, tmp_path) as ready:
        healthy = subprocess.run(last("HEALTHCHECK").words, env=in_volume, timeout=20, capture_output=True)
        assert healthy.returncode == 0
        address = f"localhost:{ready['server'].rpartition(':')[2]}"  # `server` in the network of compose
        alice = [address if word == "server:50051" else word for word in COMPOSE["services"]["alice"]["command"]]
        lines = subprocess.run(
            ["rescue", *alice, "--json"], input=b"pin Joe\n", env=in_volume, timeout=20, capture_output=True, check=True
        ).stdout.splitlines()
        assert json.loads(lines[-1])["ok"] is True
        page = f"http://localhost:{ready['web'].rstrip('/').rpartition(':')[2]}/"
        with urllib.request.urlopen(page, timeout=20) as answer:  # as a browser outside reaches it
            assert answer.status == 200
    assert subprocess.run(last("HEALTHCHECK").words, env=in_volume, timeout=20, capture_output=True).returncode == 1


def test_the_unit_keeps_its_state_where_the_server_looks_for_it() -> None:
    service = unit()["Service"]
    assert service["Environment"] == f"RESCUE_DATA=/var/lib/{service['StateDirectory']}"
    assert service["DynamicUser"] == "yes"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("name", ["rescue.service", "rescue-cluster.service", "rescue-nats.service"])
def test_systemd_accepts_the_unit(tmp_path: Path, name: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    here = tmp_path / name
    here.write_text(text.replace("/opt/rescue/bin", str(BIN)), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", here], capture_output=True, text=True, timeout=60)
    assert (done.returncode, [line for line in done.stderr.splitlines() if name in line]) == (0, [])


def test_the_action_leaves_a_server_that_the_next_steps_find(tmp_path: Path) -> None:
    [step] = ACTION["runs"]["steps"]
    install, rest = step["run"].splitlines()[:2], step["run"].splitlines()[2:]
    assert install == ['python3 -m venv "$RUNNER_TEMP/rescue"', '"$RUNNER_TEMP/rescue/bin/pip" install "$WHEEL"']
    files = {"GITHUB_ENV": tmp_path / "env", "GITHUB_PATH": tmp_path / "path"}
    given = environment(RUNNER_TEMP=str(tmp_path), **{name: str(file) for name, file in files.items()})
    ended = 'echo $! > "$RUNNER_TEMP/pid"'
    script = "\n".join([*rest[:2], ended, *rest[2:]])
    try:
        subprocess.run(["bash", "-e", "-c", script], env=given, timeout=60, check=True)
        name, _, value = files["GITHUB_ENV"].read_text().strip().partition("=")
        next_step = environment(**{name: value})
        assert subprocess.run(["rescue", "events", "--json"], env=next_step, timeout=20, check=True)
    finally:
        os.kill(int((tmp_path / "pid").read_text()), 15)
    assert files["GITHUB_PATH"].read_text().strip() == str(tmp_path / "rescue" / "bin")
