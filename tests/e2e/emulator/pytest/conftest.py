"""Runs of pytest inside of pytest, and what is left of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest


def until(true: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


class Leftovers:
    """Everything that carries a mark in its environment, and everything in a directory of temporary files."""

    def __init__(self, directory: Path) -> None:
        self.mark = str(uuid4())
        self.temporary = directory

    def processes(self) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            try:
                marked = entry.name.isdigit() and self.mark.encode() in (entry / "environ").read_bytes()
                if marked and int(entry.name) != os.getpid():
                    found.append(int(entry.name))
            except OSError:
                continue  # it ended, or is not ours
        return found

    def files(self) -> list[str]:
        return sorted(path.name for path in self.temporary.iterdir() if path.name.startswith("rescue"))

    until = staticmethod(until)

    def none_within(self, seconds: float = 30) -> bool:
        return until(lambda: not self.processes() and not self.files(), seconds)


@pytest.fixture
def leftovers(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Leftovers:
    found = Leftovers(tmp_path_factory.mktemp("temporary"))
    monkeypatch.setenv("RUN_MARK", found.mark)
    monkeypatch.setenv("TMPDIR", str(found.temporary))
    monkeypatch.delenv("CI", raising=False)  # pytest would print each failure's text a second time
    for name in [name for name in os.environ if name.startswith("RESCUE_")]:
        monkeypatch.delenv(name)
    return found
