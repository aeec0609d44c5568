"""The program of the pages ends by itself: the server says so, and starts it again, each time after a longer pause."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from rescue_server.startup.certificates import CannotMakeCertificates
from rescue_server.startup.companion import CompanionKind, NoCompanion, companion

_ENDS = """
import sys
print(f'{{"web": "http://here/{len(sys.argv)}"}}', flush=True)
raise SystemExit(3)
"""
_ENDS_UNLESS_TOLD = """
import os, sys
if sys.argv[1:] == ["once"]:
    raise SystemExit(4)
print('{"web": "http://here/"}', flush=True)
sys.stdin.read() if sys.argv[1:] else os._exit(3)
import time; time.sleep(1000)
"""


class Said:
    """What is logged, and waiting for it."""

    def __init__(self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
        self._messages, self._told = caplog.messages, asyncio.Event()
        self._caplog = caplog
        emit = caplog.handler.emit

        def notice(record: logging.LogRecord) -> None:
            emit(record)
            self._told.set()

        monkeypatch.setattr(caplog.handler, "emit", notice)

    async def lines(self, number: int) -> list[str]:
        async with asyncio.timeout(30):
            while len(self._caplog.messages) < number:
                self._told.clear()
                await self._told.wait()
        return self._caplog.messages[:number]


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Said:
    return Said(caplog, monkeypatch)


def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> CompanionKind:
    (tmp_path / "brief_pages.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    return CompanionKind(name="brief", package="brief_pages", what="the pages", urls=("web",))


async def test_one_that_ends_again_and_again_is_started_after_longer_and_longer_pauses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    kind, starts = pages(tmp_path, monkeypatch, _ENDS), list[Mapping[str, str]]()

    def arguments(last: Mapping[str, str]) -> tuple[str, ...]:
        starts.append(last)
        return ("again",) if last else ()

    pauses = (0.01, 0.02, 0.03)
    async with companion(kind, arguments, pauses=pauses) as urls:
        assert urls == {"web": "http://here/1"}
        lines = await said.lines(5)
    ended = "the program of the pages ended with status 3; the server goes on, and starts it again in {} s"
    assert lines == [ended.format(pause) for pause in (0.01, 0.02, 0.03, 0.03, 0.03)]
    assert starts[:3] == [{}, {"web": "http://here/1"}, {"web": "http://here/2"}]


async def test_a_start_that_fails_is_tried_again_and_who_waits_is_told_when_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    kind, again = pages(tmp_path, monkeypatch, _ENDS_UNLESS_TOLD), asyncio.Event()
    words = iter([(), ("once",), ("stay",)])

    def arguments(last: Mapping[str, str]) -> tuple[str, ...]:
        return next(words)

    def on_again(urls: Mapping[str, str]) -> None:
        assert urls == {"web": "http://here/"}
        again.set()

    async with companion(kind, arguments, on_again=on_again, pauses=(0.01,)):
        async with asyncio.timeout(30):
            await again.wait()
    first, second = await said.lines(2)
    assert re.match("the program of the pages ended with status 3; ", first)
    assert second == "the pages could not be started; the server goes on, and starts it again in 0.01 s"


async def test_a_start_that_is_not_even_tried_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    kind, again = pages(tmp_path, monkeypatch, _ENDS), asyncio.Event()
    failures = iter([OSError("the disk is full"), CannotMakeCertificates("there is no CA")])

    def arguments(last: Mapping[str, str]) -> tuple[str, ...]:
        if last and (failure := next(failures, None)) is not None:
            raise failure
        return ()

    async with companion(kind, arguments, on_again=lambda urls: again.set(), pauses=(0.01,)):
        async with asyncio.timeout(30):
            await again.wait()
    _, second, third = await said.lines(3)
    assert second == "the pages: the disk is full; the server goes on, and starts it again in 0.01 s"
    assert third == "the pages: there is no CA; the server goes on, and starts it again in 0.01 s"


async def test_one_that_says_something_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = pages(tmp_path, monkeypatch, "print('hello', flush=True); import time; time.sleep(1000)")
    with pytest.raises(NoCompanion, match="its program said b'hello"):
        async with companion(kind, lambda last: ()):
            pytest.fail("it does not start")


async def test_one_that_does_not_start_at_first_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = pages(tmp_path, monkeypatch, "raise SystemExit(1)")
    with pytest.raises(NoCompanion, match="the pages could not be started"):
        async with companion(kind, lambda last: ()):
            pytest.fail("it does not start")
