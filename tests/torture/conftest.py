"""A file system of the test's own, in memory and small, where mounting is allowed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Four megabytes. A container may not mount: that is no fault of it, so this is skipped in CI as well."""
    place = tmp_path / "small"
    place.mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(place)],
            capture_output=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as why:
        pytest.skip(f"mounting is not allowed here ({why}); limits on files are tried elsewhere")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], timeout=20, check=True)
