"""The state directory and the server's files in it belong to their owner alone, whatever they looked like before."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OURS = re.compile(r"access(\.\d+\.tmp|\.json)|server\.key.*|lock|tls|store\.sqlite3.*")
"""What a server puts into its state directory. All else there is not its business."""


class NotPrivate(OSError):
    """The directory is open to others and cannot be closed to them; the message says what to do."""


def make_private(directory: Path) -> list[str]:
    """Make the state directory if it is not there, and close it and the server's files in it to everybody else.

    Returns what had to be changed, for people to read. Raises NotPrivate if it belongs to another user, or if it is
    open to others, holds other things and no state of a server: then it was named by mistake.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.stat()
    if not found.st_mode & OTHERS:
        return []  # nobody else gets to what is inside either
    if found.st_uid != os.geteuid():
        raise NotPrivate(f"{directory} belongs to another user and is open to others: choose another with --data DIR")
    names = [path.name for path in directory.iterdir()]
    if names and not any(_OURS.fullmatch(name) for name in names):
        raise NotPrivate(
            f"{directory} holds other files and no state of a server: choose a directory of its own with --data DIR"
        )
    directory.chmod(0o700)
    notes = [f"{directory} was open to other users: it is 0700 now"]
    for path in _open_files(directory):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~OTHERS)
    return notes


def _open_files(directory: Path) -> Iterator[Path]:
    """The server's files directly in it that others could have opened; a link's target is not ours."""
    for path in directory.iterdir():
        found = path.lstat()
        ours = _OURS.fullmatch(path.name) and stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
        if ours and found.st_mode & OTHERS:
            yield path
