"""A file system of the test's own, in memory and small, where mounting is allowed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Four megabytes."""
    with small_disk_at(tmp_path / "small", "4m") as place:
        yield place


@contextmanager
def small_disk_at(place: Path, size: str) -> Iterator[Path]:
    """Mount a small disk. A container may not: that is no fault of it, so the test is skipped in CI as well."""
    place.mkdir(parents=True)
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(place)],
            capture_output=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as why:
        pytest.skip(f"mounting is not allowed here ({why}); limits on files are tried elsewhere")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], timeout=20, check=True)
