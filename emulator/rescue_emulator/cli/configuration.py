"""Options from the environment and from the configuration file, and their names there.

Environment: RESCUE_<SUBCOMMAND>_<OPTION>, then RESCUE_<OPTION>. File: TOML with a table for each subcommand, and a
nested table for each subcommand of that. Keys are options without the leading dashes. Keys outside a table hold for
every subcommand that has such an option.

    data = "/var/lib/rescue"

    [console]
    lang = "nl"
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

_NEVER_SET = {"help", "version", "config"}
# `rescue_common.state_directory` reads these variables itself, because a typed --data must win over RESCUE_SERVER.
_READ_ELSEWHERE = {"data", "server"}


def name_environment(command: click.Command, *, prefix: str) -> None:
    """Give each option without an environment variable two: `prefix` + name and RESCUE_ + name."""
    for name, option in _options(command):
        if option.envvar is None and name not in _READ_ELSEWHERE:
            word = name.upper().replace("-", "_")
            option.envvar = [f"{prefix}{word}", f"RESCUE_{word}"]
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            name_environment(below, prefix=f"{prefix}{name.upper().replace('-', '_')}_")


def configured(name: str, command: click.Command, *, given: str | None) -> dict[str, Any]:
    """Return the values of the configuration file for a subcommand, as click's default map.

    `given` is the file; without it, the file of the user is read if it exists. Raises click.UsageError if the file is
    no TOML, or if it names an option that does not exist.
    """
    path = Path(given) if given else own_file()
    if path is None:
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise click.UsageError(f"{path}: {error}") from None
    table = found.get(name, {})
    if not isinstance(table, dict):
        raise click.UsageError(f"{path}: {name} must be a table: [{name}]")
    everywhere = {key: value for key, value in found.items() if not isinstance(value, dict)}
    return _shared(command, everywhere) | _table(command, table, where=f"{path}: [{name}]")


def _shared(command: click.Command, values: dict[str, Any]) -> dict[str, Any]:
    known = dict(_options(command))
    found: dict[str, Any] = {str(known[key].name): _as_text(value) for key, value in values.items() if key in known}
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            found[name] = _shared(below, values)
    return found


def _table(command: click.Command, values: dict[str, Any], *, where: str) -> dict[str, Any]:
    known = dict(_options(command))
    below = command.commands if isinstance(command, click.Group) else {}
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key in known:
            found[str(known[key].name)] = _as_text(value)
        elif key in below and isinstance(value, dict):
            found[key] = _table(below[key], value, where=f"{where[:-1]}.{key}]")
        else:
            possible = ", ".join([*known, *below]) or "nothing"
            raise click.UsageError(f"{where} has no option {key!r} (possible: {possible})")
    return found


def _options(command: click.Command) -> Iterator[tuple[str, click.Option]]:
    for param in command.params:
        if isinstance(param, click.Option):
            for written in (*param.opts, *param.secondary_opts):
                name = written.lstrip("-")
                if written.startswith("--") and name not in _NEVER_SET:
                    yield name, param
                    break


def _as_text(value: Any) -> Any:
    # click parses text, so numbers of TOML become text; booleans of TOML are flags.
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def own_file() -> Path | None:
    """Return the user's own file; None for a user without a home directory, as in some containers."""
    import platformdirs  # needed only if --config is not given

    try:
        directory = Path(platformdirs.user_config_dir("rescue-emulator", appauthor=False))
    except RuntimeError:
        return None
    return directory / "config.toml" if directory.is_absolute() else None
