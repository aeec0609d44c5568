"""The settings of reports outlive a program if they belong to a code, and the file of them stays small."""

from __future__ import annotations

import logging
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rescue_api.reports import keeper
from rescue_api.reports.keeper import ReportSettingsKeeper
from rescue_api.reports.settings import XML, ReportSettings
from rescue_client.people import hash_code

CODE, OTHER, COOKIE = hash_code("code"), hash_code("other"), "a" * 24
SETTINGS = ReportSettings(
    area=16,
    output=XML,
    delimiter='","',
    zone=timedelta(minutes=-90),
    begin=datetime(2026, 3, 1, tzinfo=UTC),
    exact=True,
)


def test_the_settings_of_a_code_are_there_again_and_those_of_a_cookie_are_not(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    kept = ReportSettingsKeeper(file)
    for settings in (ReportSettings(area=3), SETTINGS):
        kept.keep(CODE, settings)
        kept.keep(COOKIE, settings)
    again = ReportSettingsKeeper(file)
    assert (again.of(CODE), kept.of(COOKIE)) == (SETTINGS, SETTINGS)
    assert again.of(COOKIE) == again.of(OTHER) == ReportSettings()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_line_that_was_not_finished_or_is_strange_costs_no_other(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    kept = ReportSettingsKeeper(file)
    kept.keep(CODE, SETTINGS)
    kept.keep(OTHER, SETTINGS)
    whole = file.read_bytes()
    file.write_bytes(b'["x"]\n\xff\xfe\n' + whole[:-20])
    again = ReportSettingsKeeper(file)
    assert (again.of(CODE), again.of(OTHER)) == (SETTINGS, ReportSettings())
    again.keep(OTHER, SETTINGS)
    assert ReportSettingsKeeper(file).of(OTHER) == SETTINGS, "the broken line was written anew"


def test_neither_the_memory_nor_the_file_grows_without_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "MOST_KEPT", 5)
    file = tmp_path / "settings"
    kept = ReportSettingsKeeper(file)
    for number in range(100):
        kept.keep(hash_code(str(number)), SETTINGS)
        kept.keep(CODE, ReportSettings(area=number % 10))
        assert file.read_bytes().count(b"\n") <= 10
    again = ReportSettingsKeeper(file)
    assert again.of(CODE) == ReportSettings(area=9)
    assert [number for number in range(100) if again.of(hash_code(str(number))) == SETTINGS] == [96, 97, 98, 99]


def test_without_room_on_the_disk_they_hold_until_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = ReportSettingsKeeper(tmp_path / "missing" / "settings")
    with caplog.at_level(logging.WARNING):
        kept.keep(CODE, SETTINGS)
    assert kept.of(CODE) == SETTINGS
    assert "will be gone after a restart" in caplog.text
