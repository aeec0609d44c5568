"""The examples that stand in the `--help` of the commands."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass

import click

from rescue_emulator.cli.main import SUBCOMMANDS, load


@dataclass(frozen=True, slots=True)
class Example:
    """A line that a shell takes, and of which command's help it is."""

    command: str
    line: str


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command, groups too, by what is typed for it."""
    for name in SUBCOMMANDS:
        yield from _within(f"rescue {name}", load(name))


def examples(name: str, command: click.Command) -> list[Example]:
    """The examples in the help of a command."""
    told = inspect.cleandoc(command.help or "")
    found = re.search(r"^Examples?:\n((?:  .+\n?)+)", told, re.MULTILINE)
    return [Example(name, line.strip()) for line in found[1].splitlines()] if found else []


def _within(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for sub, below in command.commands.items():
            yield from _within(f"{name} {sub}", below)
