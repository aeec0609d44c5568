"""Which frames of a failed test a tester sees."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import pytest

from rescue_emulator.pytest.tracebacks import hide_library
from rescue_emulator.testing import NotEntered, World


def frames(failure: pytest.ExceptionInfo[Any]) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(failure.tb)]


async def test_the_last_frame_is_the_call_of_the_library() -> None:
    with pytest.raises(NotEntered) as failure:
        await World().technician("alice")
    assert len(frames(failure)) > 1
    hide_library(failure.tb)
    assert frames(failure) == ["test_the_last_frame_is_the_call_of_the_library"]


def test_a_callback_that_raises_is_shown() -> None:
    """`look` is a function of the test that the library calls."""

    def look() -> None:
        raise ZeroDivisionError

    library: dict[str, Any] = {"__name__": "rescue_emulator.world.world"}
    exec("def until(look): look()", library)
    with pytest.raises(ZeroDivisionError) as failure:
        library["until"](look)
    hide_library(failure.tb)
    assert frames(failure) == ["test_a_callback_that_raises_is_shown", "look"]


def test_other_tracebacks_stay_as_they_are() -> None:
    async def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError) as failure:
        asyncio.run(fail())
    before = frames(failure)
    hide_library(failure.tb)
    assert frames(failure) == before
