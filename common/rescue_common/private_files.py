"""The state directory and what is in it belong to its owner alone, whatever they looked like before."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO


class NotPrivate(OSError):
    """The directory is open to others and cannot be closed to them; the message says what to do."""


def make_private(directory: Path) -> list[str]:
    """Make the directory if it is not there, and close it and its files to everybody but the owner.

    Returns what had to be changed, for people to read. Raises NotPrivate if it belongs to somebody else.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.stat()
    if not found.st_mode & OTHERS:
        return []  # nobody else gets to what is inside either
    if found.st_uid != os.geteuid():
        raise NotPrivate(f"{directory} belongs to another user and is open to others: choose another with --data DIR")
    directory.chmod(0o700)
    notes = [f"{directory} was open to other users: it is 0700 now"]
    for path in _open_files(directory):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~OTHERS)
    return notes


def _open_files(directory: Path) -> Iterator[Path]:
    """The files directly in it that others could have opened; a link's target is no business of ours."""
    for path in directory.iterdir():
        found = path.lstat()
        if stat.S_ISREG(found.st_mode) and found.st_mode & OTHERS and found.st_uid == os.geteuid():
            yield path
