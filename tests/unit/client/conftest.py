"""A fake server for the clients to call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.administration import FakeAdministration


@pytest.fixture
async def fake() -> AsyncIterator[FakeAdministration]:
    found = FakeAdministration()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RESCUE_SERVER", "RESCUE_SECRET", "RESCUE_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
