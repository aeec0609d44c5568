"""The units and the compose file of the page on several servers: every option exists, and they fit together."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path

import click
import pytest
import yaml

from rescue_server.__main__ import server
from rescue_server.cli.cluster import ClusterCommandLine
from rescue_server.cli.server import CommandLine

EXAMPLES = Path(__file__).parents[3] / "docs/examples"
COMPOSE = yaml.safe_load((EXAMPLES / "cluster-compose.yaml").read_text(encoding="utf-8"))


def unit(name: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read_string((EXAMPLES / name).read_text(encoding="utf-8").replace("\\\n", " "))
    return found


def check(words: list[str], tmp_path: Path) -> None:
    """Read a command line of `rescue server` as the program does, its files being there."""
    for number, word in enumerate(words):
        if word.startswith("/etc/rescue/"):
            file = tmp_path / Path(word).name
            file.touch()
            words[number] = str(file)
    context: click.Context = server.make_context("server", words)
    options = ClusterCommandLine.take(context.params).options()
    assert options is not None
    command_line = CommandLine(**context.params)
    command_line.check(is_alone=False)
    host = command_line.listen.rpartition(":")[0]
    assert host == "0.0.0.0"
    options.check(host, insecure=command_line.insecure, is_safe_at=command_line.is_safe_at)


def test_the_unit_of_a_server_is_a_command_line_that_it_accepts(tmp_path: Path) -> None:
    service = unit("rescue-cluster.service")["Service"]
    program, command, *words = shlex.split(service["ExecStart"].replace("%H", "h1"))
    assert (Path(program).name, command) == ("rescue", "server")
    check(words, tmp_path)
    assert service["Environment"] == f"RESCUE_DATA=/var/lib/{service['StateDirectory']}"


def test_the_unit_of_a_node_runs_the_engine_that_the_extra_brings() -> None:
    words = shlex.split(unit("rescue-nats.service")["Service"]["ExecStart"])
    assert words == ["/opt/rescue/bin/nats-server", "--config", "/etc/rescue/nats.conf"]


@pytest.mark.parametrize("name", ["s1", "s2"])
def test_the_servers_of_the_compose_file_are_command_lines_that_they_accept(name: str, tmp_path: Path) -> None:
    service = COMPOSE["services"][name]
    assert service["command"][0] == "server"
    check(service["command"][1:], tmp_path)
    assert service["depends_on"] == ["nats"]
    assert service["volumes"] == ["./cluster.key:/etc/rescue/cluster.key:ro"]
