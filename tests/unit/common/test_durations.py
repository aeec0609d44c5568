"""How people write a duration."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rescue_common.durations import BadDuration, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("2h", 7200),
        ("0", 0),
        ("1d", 86400),
        ("250ms", 0.25),
        ("1M5S", 65),
    ],
)
def test_what_people_write_is_understood(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "m", "-5m", "30m1h", "5m5m", "5 m x", "٣m", "1e3s", "nan", "99999999999999d"]
)
def test_what_is_no_duration_is_refused_with_what_is_possible(text: str) -> None:
    with pytest.raises(BadDuration, match="possible: 90s, 5m, 1h30m") as refused:
        parse_duration(text)
    assert refused.value.text == text


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=900)))
def test_every_duration_is_read_back_as_it_was_written(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


def test_a_negative_duration_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="negative"):
        format_duration(timedelta(seconds=-1))
