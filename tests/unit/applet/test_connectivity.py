"""How long a computer waits for its applet."""

from __future__ import annotations

import asyncio
import time

import pytest

from rescue_applet import applet_process, attachment, connectivity, heartbeats


def test_it_gives_up_after_its_applet_would() -> None:
    applet = heartbeats.ANSWER_WITHIN + applet_process.PAUSE + attachment.GREETING_WITHIN
    assert applet < connectivity.BACK_WITHIN


async def test_only_an_answer_after_the_loss_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connectivity, "BACK_WITHIN", 60.0)
    applet = connectivity.Connectivity()
    applet.found()
    applet.lost()
    waiting = asyncio.create_task(applet.back())
    await asyncio.sleep(0)
    assert not waiting.done()
    applet.found()
    await waiting


async def test_it_waits_no_longer_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connectivity, "BACK_WITHIN", 0.0)
    await connectivity.Connectivity().back()


def test_a_server_that_is_away_for_too_long_without_an_excuse_is_hopeless(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    server = connectivity.Connectivity()
    assert not server.is_hopeless()
    now += connectivity.REACHED_WITHIN + 1
    assert server.is_hopeless()
    server.excuse()
    assert not server.is_hopeless()
