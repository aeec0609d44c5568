"""The examples that stand in the `--help` of the commands, and the parser that takes such lines."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
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


def take(words: Sequence[str]) -> None:
    """Let the command line's own parser read a line that begins with `rescue`. Raises what it refuses the line with."""
    assert words[0] == "rescue"
    command, rest = load(words[1]), list(words[2:])
    context: click.Context | None = None
    while True:
        context = command.make_context(words[1], rest, parent=context)
        if not isinstance(command, click.Group) or not context._protected_args:
            return
        name, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None, name
        command = found


def _within(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for sub, below in command.commands.items():
            yield from _within(f"{name} {sub}", below)
