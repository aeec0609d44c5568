"""Files that only their owner can open: the server's state directory, and a write that is complete or not done."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OURS = re.compile(r"(access|api)(\.\d+\.tmp|\.json.*)|server\.key.*|lock|(api-)?tls|store\.sqlite3.*")
"""The names of what a server puts into its state directory. It leaves everything else alone."""

_MARK = re.compile(r"server\.key|lock|tls|store\.sqlite3.*")
"""The names that tell a server's directory from others: an `access.json` may be another program's."""

_UNFINISHED = re.compile(r"(access\.json|api\.json|server\.key)\.\d+\.tmp")


class NotPrivate(OSError):
    """Other users can open the directory, and this program cannot change that; the message says what to do."""


def make_private(directory: Path) -> list[str]:
    """Make the state directory if necessary, and let only the owner open it and the server's files in it.

    Return what was changed, as sentences for people. Raises NotPrivate if another user owns the directory, or if others
    can open it and it holds files but no state of a server: then it was named by mistake.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.stat()
    if not found.st_mode & OTHERS:
        return []  # then nobody else can open the files either
    if found.st_uid != os.geteuid():
        raise NotPrivate(f"{directory} belongs to another user and is open to others: choose another with --data DIR")
    names = [path.name for path in directory.iterdir()]
    if names and not any(_MARK.fullmatch(name) for name in names):
        raise NotPrivate(
            f"{directory} holds other files and no state of a server: choose a directory of its own with --data DIR"
        )
    directory.chmod(0o700)
    notes = [f"{directory} was open to other users: it is 0700 now"]
    for path in _open_files(directory):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~OTHERS)
    return notes


def remove_unfinished(directory: Path) -> None:
    """Remove the files that `write_private` had not finished when its process was killed.

    The caller must be the only one who writes in the directory.
    """
    for path in directory.iterdir():
        if _UNFINISHED.fullmatch(path.name):
            path.unlink(missing_ok=True)


def write_private(path: Path, content: bytes, *, mode: int = 0o600, durable: bool = True) -> None:
    """Write a file completely or not at all: readers find the old content or the new one. Raises OSError.

    `durable` waits until the content is on the disk, so that it is still complete after a power loss.
    """
    fresh = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    fresh.unlink(missing_ok=True)
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(descriptor)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _open_files(directory: Path) -> Iterator[Path]:
    """Return the server's files in the directory that others could have opened; never the target of a link."""
    for path in directory.iterdir():
        found = path.lstat()
        ours = _OURS.fullmatch(path.name) and stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
        if ours and found.st_mode & OTHERS:
            yield path
