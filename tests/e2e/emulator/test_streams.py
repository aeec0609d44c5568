"""Arguments and streams in other encodings, and outputs that take no more: one line, and a fitting status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LATIN_1 = os.fsdecode(b"J\xf6rg")


def rescue(
    *arguments: str, data: Path, stdout: int = subprocess.PIPE, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RESCUE_")}
    return subprocess.run(
        [sys.executable, "-m", "rescue_emulator", *arguments],
        env={**kept, "RESCUE_DATA": str(data), **variables},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("why", LATIN_1),
        ("timeline", LATIN_1),
        ("events", "--session", LATIN_1),
        ("fault", "add", LATIN_1),
        ("applet", "--channel", LATIN_1),
        ("admin", "add", "group", LATIN_1),
        ("console", LATIN_1, "--json"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_argument_that_is_not_utf8_is_wrong_usage(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = rescue(*arguments, data=tmp_path)
    assert done.returncode == 2
    assert b"is not UTF-8" in done.stderr.splitlines()[-1]


def test_a_secret_that_is_not_utf8_is_said_so(tmp_path: Path) -> None:
    done = rescue("console", "alice", "--server", "127.0.0.1:1", data=tmp_path, RESCUE_SECRET=LATIN_1)
    assert done.returncode == 1
    assert (
        done.stderr.splitlines()[-1]
        == b"rescue console: RESCUE_SECRET is not UTF-8: no secret of a server looks like that"
    )


@pytest.mark.parametrize("speed", ["nan", "inf", "-inf", "1e999"])
@pytest.mark.parametrize("command", [("server",), ("clock", "speed"), ("exec",), ("demo",)], ids=lambda words: words[0])
def test_a_speed_is_finite(command: tuple[str, ...], speed: str, tmp_path: Path) -> None:
    given = (speed,) if command[-1] == "speed" else ("--speed", speed)
    done = rescue(*command, *(("--",) if speed.startswith("-") and len(given) == 1 else ()), *given, data=tmp_path)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_pictures_are_utf8_and_prose_is_written_with_the_letters_that_there_are(tmp_path: Path) -> None:
    dutch = rescue("docs", "statechart", "--lang", "nl", data=tmp_path, PYTHONIOENCODING="ascii")
    assert (dutch.returncode, dutch.stderr) == (0, b"")
    dutch.stdout.decode("utf-8")
    assert rescue("--help", data=tmp_path, PYTHONIOENCODING="ascii").returncode == 0


def test_a_full_disk_is_said_in_a_line(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = rescue("docs", "statechart", data=tmp_path, stdout=full.fileno())
    assert (done.returncode, done.stderr) == (1, b"Error: the output could not be written: No space left on device\n")


WEB = ("web", "--listen", "127.0.0.1:0")


@pytest.mark.parametrize(
    "command",
    [("console", "alice", "--json"), ("console", "alice", "--plain"), ("applet", "--channel", "Web"), ("server",), WEB],
    ids=" ".join,
)
def test_a_program_that_runs_on_says_in_a_line_that_its_disk_is_full(command: tuple[str, ...], tmp_path: Path) -> None:
    own = ("--data", str(tmp_path / "state")) if command == ("server",) else ()
    with open("/dev/full", "wb") as full:
        done = rescue(
            *("exec", "--", sys.executable, "-m", "rescue_emulator", *command, *own),
            data=tmp_path,
            stdout=full.fileno(),
        )
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"No space left on device" in done.stderr


def test_a_reader_that_has_read_enough_is_no_news(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = rescue("docs", "statechart", data=tmp_path, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
