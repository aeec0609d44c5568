"""The directory of a world's temporary files."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rescue_common.processes.child import Program


class ScratchDirectory:
    """Made when it is first wanted; removed by `remove`, or with this object, or when this process ends."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._removal: weakref.finalize[Any, ScratchDirectory] | None = None

    def path(self) -> Path:
        """Return the directory."""
        if self._path is None:
            self._path = Path(tempfile.mkdtemp(prefix="rescue-world-"))
            self._removal = weakref.finalize(self, _remove, self._path, os.getpid())
        return self._path

    async def start(self, name: str, module: str, *arguments: str, environment: Mapping[str, str]) -> Program:
        """Start a program there, with its temporary files."""
        there = {"TMPDIR": str(self.path()), **environment}
        return await Program.start(name, module, *arguments, environment=there, directory=self.path())

    def remove(self) -> None:
        """Remove it with all files, if there is one."""
        if self._removal is not None:
            self._removal()


def _remove(directory: Path, owner: int) -> None:
    if os.getpid() == owner:  # a fork of that process must not remove the files of the world
        shutil.rmtree(directory, ignore_errors=True)
