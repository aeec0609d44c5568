"""Only one server at a time can lock a data directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rescue_server.store import DirectoryInUse, DirectoryLock, StoreUnavailable


def test_a_second_holder_is_told_who_the_first_one_is(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path / "data"), pytest.raises(DirectoryInUse, match=f"process {os.getpid()}") as caught:
        DirectoryLock(tmp_path / "data")
    assert caught.value.pid == os.getpid()
    assert caught.value.directory == tmp_path / "data"


def test_a_released_directory_is_free(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    lock.release()
    lock.release()
    with DirectoryLock(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_two_directories_are_two_locks(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path / "one"), DirectoryLock(tmp_path / "two"):
        assert (tmp_path / "one" / "lock").exists()


def test_a_new_directory_is_its_owners_alone(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path / "data"):
        assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "data" / "lock").stat().st_mode & 0o777 == 0o600


def test_a_directory_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable):
        DirectoryLock(tmp_path / "file" / "data")


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from rescue_server.store import DirectoryLock;"
        " lock = DirectoryLock(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            with pytest.raises(DirectoryInUse) as caught:
                DirectoryLock(tmp_path)
            assert caught.value.pid == holder.pid
        finally:
            holder.kill()
            holder.wait()
    with DirectoryLock(tmp_path) as lock:
        assert lock.directory == tmp_path
