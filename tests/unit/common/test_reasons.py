"""An error is one line for people, also one that says nothing."""

from __future__ import annotations

import pytest

from rescue_common.reasons import reason_of


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("there is no such row"), "there is no such row"),
        (OSError("the disk is full\nTraceback of a child"), "the disk is full"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_the_reason_of_an_error_is_one_line(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason
