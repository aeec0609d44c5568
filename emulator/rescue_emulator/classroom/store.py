"""Where a trainer's classes are kept: a directory for each in the state directory, readable by its owner alone.

A class is written completely or not at all, and before anything is made on the server: so whatever was interrupted can
be gone on with, or be removed.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from rescue_common.private_files import write_private
from rescue_emulator.classroom.model import BadClass, Classroom
from rescue_emulator.exercises.progress import ProgressFile

_FILE = "class.json"


class ClassStore:
    """The classes in a state directory. Methods raise BadClass, and OSError if it cannot be read or written."""

    def __init__(self, state: Path) -> None:
        self._directory = state / "classes"

    def names(self) -> tuple[str, ...]:
        """Return the names of all classes."""
        return tuple(sorted(path.parent.name for path in self._directory.glob(f"*/{_FILE}")))

    def read(self, name: str) -> Classroom:
        """Return a class. Raises BadClass if there is none of that name, or if its file is damaged."""
        if name not in self.names():
            there = (
                f"there are {', '.join(self.names())}"
                if self.names()
                else "there are none: `rescue class new` makes one"
            )
            raise BadClass(f"there is no class {name!r} in {self._directory.parent} ({there})")
        path = self._directory / name / _FILE
        try:
            return msgspec.json.decode(path.read_bytes(), type=Classroom)
        except msgspec.MsgspecError as error:
            raise BadClass(f"{path} cannot be read ({error})") from None

    def write(self, classroom: Classroom) -> None:
        """Keep a class, durably."""
        directory = self._directory / classroom.name
        for private in (self._directory.parent, self._directory, directory):
            private.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(directory / _FILE, msgspec.json.format(msgspec.json.encode(classroom)))

    def remove(self, name: str) -> None:
        """Forget a class; the scores stay until `forget_scores`."""
        (self._directory / name / _FILE).unlink(missing_ok=True)

    def scores(self, name: str) -> ProgressFile:
        """Return where the scores of a class are kept."""
        return ProgressFile(self._directory / name / "scores")

    def forget_scores(self, name: str) -> None:
        """Remove the scores of a class."""
        shutil.rmtree(self._directory / name / "scores", ignore_errors=True)
