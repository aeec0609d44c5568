"""What `--help` of every command promises: examples, which the command takes as they stand."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from rescue_emulator.cli.main import SUBCOMMANDS
from tests.help_examples import Example, commands, examples, take

ALL = [example for name, command in commands() for example in examples(name, command)]
_FILES = ("run-1.jsonl", "run-2.jsonl", "journal.jsonl", "story.yaml", "exercise.yaml", "monday.sqlite3")
_FILES_OF_TLS = ("tls/server.pem", "tls/server.key")


def test_every_command_has_an_example_of_itself() -> None:
    assert {name.split()[1] for name, _ in commands()} == set(SUBCOMMANDS)
    for name, command in commands():
        found = [example.line for example in examples(name, command)]
        assert any(name in line for line in found), f"{name} --help has no example"


@pytest.mark.parametrize("example", ALL, ids=lambda example: example.line)
def test_an_example_is_taken_as_it_stands(example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tls").mkdir()
    for file in (*_FILES, *_FILES_OF_TLS):  # what earlier examples leave behind
        (tmp_path / file).touch()
    take(shlex.split(example.line.rpartition(" | ")[2].partition(" > ")[0]))
