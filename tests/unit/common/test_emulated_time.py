"""How people write a moment of the emulated time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rescue_common.emulated_time import BadMoment, parse_moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01T09:00:00Z", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01T09:00:00+01:00", datetime(2026, 3, 1, 8, tzinfo=UTC)),
        (" 2026-03-01 09:30 ", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_without_a_zone_is_in_utc(text: str, moment: datetime) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize(
    "text", ["", "soon", "1969-12-31", "9999-12-31", "0001-01-01T00:00:00+14:00", "2026-02-30", "1767225600"]
)
def test_what_no_clock_can_show_is_refused(text: str) -> None:
    with pytest.raises(BadMoment):
        parse_moment(text)
