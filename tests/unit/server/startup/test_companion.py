"""The program of the pages ends by itself: the server says so, and goes on."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import pytest

from rescue_server.startup.companion import CompanionKind, companion


async def test_a_companion_that_ends_is_told_with_what_that_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "brief_pages.py").write_text("""print('{"web": "http://here/"}', flush=True); raise SystemExit(3)""")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    kind = CompanionKind(name="brief", package="brief_pages", what="the pages", urls=("web",))
    emit, told = caplog.handler.emit, asyncio.Event()

    def notice(record: logging.LogRecord) -> None:
        emit(record)
        told.set()

    monkeypatch.setattr(caplog.handler, "emit", notice)
    async with companion(kind) as urls:
        assert urls == {"web": "http://here/"}
        async with asyncio.timeout(30):
            await told.wait()
    [said] = caplog.messages
    assert said.startswith("the program of the pages ended with status 3; the server goes on without it; ")
