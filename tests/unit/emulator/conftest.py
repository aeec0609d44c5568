"""A fake server of the administrator's services, and `rescue` as a process that calls it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from rescue_common.state_directory import Access
from tests.fakes.administration import FakeAdministration


@pytest.fixture
async def fake() -> AsyncIterator[FakeAdministration]:
    found = FakeAdministration()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
def state(fake: FakeAdministration, tmp_path: Path) -> Path:
    """A state directory that leads to the fake server."""
    Access(server=fake.address, secrets={"admin": "s3cret", "alice": "other"}).write(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RESCUE_SERVER", "RESCUE_SECRET", "RESCUE_DATA", "RESCUE_CONFIG", "RESCUE_JSON"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))
    monkeypatch.setenv("HOME", str(tmp_path))


@dataclass(frozen=True)
class Outcome:
    """How a run of `rescue` ended."""

    status: int
    out: str
    err: str


class Rescue:
    """Runs the command as a process, while the fake server replies."""

    async def __call__(self, *arguments: str, **environment: str) -> Outcome:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "rescue_emulator",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **environment},
        )
        out, err = await asyncio.wait_for(process.communicate(), timedelta(seconds=30).total_seconds())
        assert process.returncode is not None
        return Outcome(process.returncode, out.decode(), err.decode())


@pytest.fixture
def rescue() -> Rescue:
    return Rescue()
