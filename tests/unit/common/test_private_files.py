"""A private write is complete or not done."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from rescue_common.private_files import remove_unfinished, write_private


@pytest.mark.parametrize("durable", [True, False])
def test_only_the_owner_can_read_what_is_written(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "secret.json"
    path.write_bytes(b"old, and longer than what follows")
    path.chmod(0o644)
    write_private(path, b"new", durable=durable)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError("the disk is full")

    path = tmp_path / "secret.json"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        write_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_had_not_finished_is_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = {"access.json", "server.key", "access.json.tmp", "notes.123.tmp", "store.sqlite3"}
    for name in (*kept, "access.json.123.tmp", "server.key.7.tmp"):
        (tmp_path / name).touch()
    remove_unfinished(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept
