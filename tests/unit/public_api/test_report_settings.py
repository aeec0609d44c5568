"""The settings of reports: as the session server keeps them of a code, and as this program keeps them of a cookie."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rescue_api.reports import keeper
from rescue_api.reports.keeper import ReportSettingsKeeper
from rescue_api.reports.settings import XML, ReportSettings

SET = ReportSettings(
    area=5,
    output=XML,
    delimiter='"\\é|',
    day_first=True,
    zone=timedelta(minutes=-90),
    begin=datetime(2026, 3, 1, 12, tzinfo=UTC),
    end=datetime(2026, 3, 2, tzinfo=UTC),
    exact=True,
    closes=timedelta(hours=17),
)


def test_what_differs_is_what_is_kept_and_read_again() -> None:
    first = ReportSettings()
    changes = SET.changes(first)
    assert set(changes) == {"area", "output", "delimiter", "day_first", "zone", "begin", "end", "exact", "closes"}
    assert ReportSettings.read(changes) == SET
    assert ReportSettings.read({}) == first
    assert SET.changes(SET) == {}
    assert ReportSettings.read({**changes, **first.changes(SET)}) == first, "also what is set back"


def test_what_a_newer_program_has_set_is_left_out() -> None:
    assert ReportSettings.read({"area": "5", "colour": '"blue"'}) == ReportSettings(area=5)


def test_settings_of_the_cookies_that_were_used_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "MOST_KEPT", 2)
    kept = ReportSettingsKeeper()
    for cookie in ("one", "two", "one", "three"):
        kept.keep(cookie, SET)
    assert [kept.of(cookie) == SET for cookie in ("one", "two", "three")] == [True, False, True]
