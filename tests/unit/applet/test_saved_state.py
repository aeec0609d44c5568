"""A computer's disk goes with its computer; of one that was killed, with the next computer's start."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rescue_applet.saved_state import PREFIX, saved_state


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


HOLDS_ONE = """from rescue_applet.saved_state import saved_state
with saved_state() as place:
    print(place, flush=True)
    input()"""


@contextmanager
def holder(place: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that has a disk of its own until it is told to end, and where that is."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS_ONE],
        env={**os.environ, "TMPDIR": str(place)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())


def test_a_disk_is_its_owners_alone_and_gone_afterwards(place: Path) -> None:
    with saved_state() as path:
        (path / "ticket.json").touch()
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert path.parent == place
    assert list(place.iterdir()) == []


def test_a_new_computer_removes_only_what_a_killed_one_left(place: Path) -> None:
    with holder(place) as (killed, left), holder(place) as (alive, kept):
        (left / "ticket.json").touch()
        killed.kill()
        killed.wait(20)
        outside = place / "outside"
        outside.mkdir()
        (place / f"{PREFIX}link").symlink_to(outside)
        (place / f"{PREFIX}file").touch()
        assert left.exists()
        with saved_state() as mine:
            assert set(place.iterdir()) == {kept, mine, outside, place / f"{PREFIX}link", place / f"{PREFIX}file"}
        alive.communicate("\n", timeout=20)
        assert alive.returncode == 0
        assert not kept.exists()


def test_another_users_disk_is_left_alone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = place / f"{PREFIX}theirs"
    theirs.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with saved_state():
        assert theirs.exists()


def test_a_disk_that_was_swept_before_it_was_locked_is_made_anew(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    making = tempfile.mkdtemp
    swept: list[str] = []

    def swept_at_once(**how: str) -> str:
        path = making(**how)
        if not swept:
            swept.append(path)
            Path(path).rmdir()
        return path

    monkeypatch.setattr(tempfile, "mkdtemp", swept_at_once)
    with saved_state() as path:
        assert path.exists()
    assert swept
    assert str(path) not in swept
