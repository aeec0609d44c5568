"""Each program starts under every odd way of starting: flags and variables of Python, streams, directories, modes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

VANISHED = 'place=$(mktemp -d) && cd "$place" && rmdir "$place"'


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to start a program: Python's flags, variables, and what a shell does before (`also`) and with it."""

    flags: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    also: str = "true"
    streams: str = ""


WAYS = {
    "without asserts": Way(flags=("-O",)),
    "warnings are errors": Way(flags=("-W", "error")),
    "no UTF-8 mode": Way(variables={"PYTHONUTF8": "0"}),
    "the C locale": Way(variables={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "a directory that vanished": Way(also=VANISHED),
    "umask 077": Way(also="umask 077"),
    "umask 000": Way(also="umask 000"),
    "stdin is closed": Way(streams="<&-"),
}
ALL_AT_ONCE = Way(
    flags=("-O", "-W", "error"),
    variables=WAYS["the C locale"].variables,
    also=f"umask 000 && {VANISHED}",
    streams="<&-",
)


class Starter:
    """Starts programs in one way, with one state directory."""

    def __init__(self, way: Way, data: Path) -> None:
        self._way = way
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RESCUE_", "LC_", "LANG"))}
        self._environment = {**kept, "RESCUE_DATA": str(data), "NO_COLOR": "1", **way.variables}

    def popen(self, *words: str) -> subprocess.Popen[str]:
        rescue = [sys.executable, *self._way.flags, "-m", "rescue_emulator", *words]
        return subprocess.Popen(
            ["sh", "-c", f'{self._way.also} && exec "$@" {self._way.streams}', "sh", *rescue],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
            encoding="utf-8",
        )

    def finish(self, *words: str) -> str:
        """Run to the end, which must be a good one; return what was printed."""
        process = self.popen(*words)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, clean(err)) == (0, True), err
        return out

    @contextmanager
    def running(self, *words: str, until: str) -> Iterator[dict[str, Any]]:
        """Run until it prints an event, and stop it with SIGTERM, which must be a good end."""
        process = self.popen(*words, "--json")
        try:
            assert process.stdout is not None
            events = map(json.loads, process.stdout)
            found = next((event for event in events if event["event"] == until), None)
            assert found is not None, process.communicate(timeout=20)[1]
            yield found
        finally:
            process.terminate()
            err = process.communicate(timeout=20)[1]
        assert (process.returncode, clean(err)) == (0, True), err


def clean(err: str) -> bool:
    return "Traceback" not in err and "Warning" not in err


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(ALL_AT_ONCE, id="all at once"),
        *(pytest.param(way, id=name, marks=pytest.mark.long) for name, way in WAYS.items()),
    ],
)
def test_every_program_starts(way: Way, tmp_path: Path) -> None:
    data = tmp_path / "state"
    start = Starter(way, data)
    with start.running("server", "--paused", until="ready"):
        with start.running("applet", "--channel", "Web", "--terms", "accept", until="joined") as joined:
            shown = start.finish("console", "alice", "--json")
            assert joined["session"] in shown
        assert "paused" in start.finish("clock", "show")
        with start.running("web", until="ready"):
            pass
        modes = {path.name: path.stat().st_mode & 0o777 for path in data.iterdir() if path.is_file()}
    assert data.stat().st_mode & 0o777 == 0o700
    assert set(modes.values()) == {0o600}, modes
    assert "as told" in start.finish("scenario", "run", "nobody-there")
    start.finish("exec", "--", "true")
    assert "stateDiagram" in start.finish("docs", "statechart")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("console", "alice"), "no server has used"),  # a front end is chosen for people
        (("applet", "--pin", "123456"), "no server has used"),
    ],
)
def test_without_stdin_people_get_a_sentence(words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    process = Starter(WAYS["stdin is closed"], tmp_path / "none").popen(*words)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, clean(err), says in err) == (1, True, True), err


@pytest.mark.parametrize("command", [("server",), ("console", "alice"), ("clock", "show"), ("server", "backup", "x")])
def test_a_relative_directory_needs_a_working_directory(command: tuple[str, ...], tmp_path: Path) -> None:
    process = Starter(WAYS["a directory that vanished"], tmp_path).popen(*command, "--data", "here")
    _, err = process.communicate(timeout=60)
    assert (process.returncode, clean(err)) == (1, True), err
    assert "the working directory was removed" in err.splitlines()[-1]
