"""A machine that fails on purpose: its wall clock jumps, its disk refuses to sync, and programs on it are paused.

The clock and the disk need a C compiler, which makes a library that is loaded into every program. Without one, only
pauses are left.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
import signal
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

_SOURCE = Path(__file__).with_name("machine.c")
_NUMBERS = struct.Struct("qq")  # seconds ahead, whether fsync fails


class Machine:
    """The clock and the disk of all programs that are started while this is in force; `data` is on that disk."""

    def __init__(self, data: Path, memory: mmap.mmap | None) -> None:
        self.data = data
        self._memory = memory
        self._ahead = 0

    @property
    def can_fail(self) -> bool:
        """Whether its clock can jump and its disk can fail; programs can be paused anyway."""
        return self._memory is not None

    def jump(self, seconds: int) -> None:
        """Let the wall clock be this far ahead of the true one, or behind it."""
        self._ahead = seconds
        self._set(failing=False)

    @contextlib.contextmanager
    def failing_disk(self) -> Iterator[None]:
        """Refuse to sync a file within this block."""
        self._set(failing=True)
        try:
            yield
        finally:
            self.mend_disk()

    def mend_disk(self) -> None:
        """Sync again."""
        self._set(failing=False)

    def _set(self, *, failing: bool) -> None:
        if self._memory is not None:
            self._memory[: _NUMBERS.size] = _NUMBERS.pack(self._ahead, failing)


@contextlib.contextmanager
def failing_machine() -> Iterator[Machine]:
    """Load the library into every program that is started within this block, if it can be made."""
    with tempfile.TemporaryDirectory(prefix="rescue-torture-") as name:
        place = Path(name)
        data = place / "data"
        library = _compiled(place)
        if library is None:
            yield Machine(data, None)
            return
        numbers = place / "numbers"
        numbers.write_bytes(bytes(_NUMBERS.size))
        added = {"LD_PRELOAD": str(library), "TORTURE_MACHINE": str(numbers), "TORTURE_DISK": str(data)}
        before = {name: os.environ.get(name) for name in added}
        with numbers.open("r+b") as file, mmap.mmap(file.fileno(), _NUMBERS.size) as memory:
            os.environ.update(added)
            try:
                yield Machine(data, memory)
            finally:
                for name, value in before.items():
                    os.environ.pop(name, None)
                    if value is not None:
                        os.environ[name] = value


@contextlib.contextmanager
def paused(pid: int) -> Iterator[None]:
    """Stop a process within this block, as a debugger or a laptop's lid does. It may have ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _compiled(place: Path) -> Path | None:
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    library = place / "machine.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, _SOURCE], check=True, timeout=60
    )
    return library
