"""The setters and getters of reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rescue_api import times
from rescue_api.answers import Row
from rescue_api.calls import ApiCall
from rescue_api.reports.areas import AREA_NAMES, PERFORMANCE
from rescue_api.reports.settings import LISTALL, SUMMARY, TEXT, XML, ReportSettings
from rescue_api.words import MethodFailed, Word

LONGEST_DELIMITER = 16
LARGEST_OFFSET = 840  # minutes
_NUMBERS = {name: number for number, name in AREA_NAMES.items()}
_DAY_FIRST = {"DDMMYY": True, "DDMMYYYY": True, "MMDDYY": False, "MMDDYYYY": False}


async def set_area(call: ApiCall) -> Sequence[Row]:
    """Choose the area, by number or by name."""
    given = call.given("area").upper()
    area = _NUMBERS.get(given, call.integer("area"))
    if area not in AREA_NAMES:
        raise MethodFailed(Word.INVALID_REPORT_AREA)
    return await _keep(call, replace(call.report_settings, area=area))


async def get_area(call: ApiCall) -> Sequence[Row]:
    """Return the area."""
    area = call.report_settings.area
    return ({"number": area, "name": AREA_NAMES[area]},)


async def set_type(call: ApiCall) -> Sequence[Row]:
    """Choose a row for each thing, or a summary, which only the Performance report has."""
    settings, given = call.report_settings, call.given("type").upper()
    if given not in (LISTALL, SUMMARY):
        raise MethodFailed(Word.INVALID_REPORT_TYPE)
    if given == SUMMARY and settings.area != PERFORMANCE:
        raise MethodFailed(Word.NOT_SUPPORTED)
    return await _keep(call, replace(settings, type=given))


async def get_type(call: ApiCall) -> Sequence[Row]:
    """Return the type."""
    return ({"value": call.report_settings.type},)


async def set_dates(call: ApiCall) -> Sequence[Row]:
    """Choose whole days, the last one included."""
    begin, end = times.read_day(call.given("bdate")), times.read_day(call.given("edate"))
    if begin is None or end is None:
        raise MethodFailed(Word.INVALID_FORMAT)
    if end < begin:
        raise MethodFailed(Word.INVALID_DATE_RANGE)
    return await _keep(call, replace(call.report_settings, begin=begin, end=end, exact=False))


async def set_moments(call: ApiCall) -> Sequence[Row]:
    """Choose moments; the last one is not included."""
    settings = call.report_settings
    begin, end = (times.read_moment(call.given(name), settings.zone) for name in ("bdate", "edate"))
    if begin is None or end is None:
        raise MethodFailed(Word.INVALID_FORMAT)
    if end < begin:
        raise MethodFailed(Word.INVALID_DATE_RANGE)
    return await _keep(call, replace(settings, begin=begin, end=end, exact=True))


async def get_dates(call: ApiCall) -> Sequence[Row]:
    """Return the days."""
    begin, end = call.report_settings.dates(call.facts.now)
    return ({"begin": times.day(begin), "end": times.day(end)},)


async def get_moments(call: ApiCall) -> Sequence[Row]:
    """Return the moments."""
    settings = call.report_settings
    dates = settings.dates(call.facts.now)
    if not settings.exact:
        dates = dates[0] + settings.opens, dates[1] + settings.closes
    begin, end = (f"{times.day(at)} {times.clock(_since_midnight(at))}" for at in dates)
    begin_iso, end_iso = (f"{at.replace(tzinfo=None, microsecond=0).isoformat()}" for at in dates)
    return ({"begin": begin, "end": end, "begin_moment": begin_iso, "end_moment": end_iso},)


async def set_window(call: ApiCall) -> Sequence[Row]:
    """Choose the part of each day."""
    opens, closes = times.read_clock(call.given("btime")), times.read_clock(call.given("etime"))
    if opens is None or closes is None:
        raise MethodFailed(Word.INVALID_FORMAT)
    if closes < opens:
        raise MethodFailed(Word.INVALID_DATE_RANGE)
    return await _keep(call, replace(call.report_settings, opens=opens, closes=closes))


async def get_window(call: ApiCall) -> Sequence[Row]:
    """Return the part of each day."""
    settings = call.report_settings
    return ({"begin": times.clock(settings.opens), "end": times.clock(settings.closes)},)


async def set_zone(call: ApiCall) -> Sequence[Row]:
    """Choose the time zone, in minutes from UTC."""
    minutes = call.integer("timezone")
    if minutes is None or abs(minutes) > LARGEST_OFFSET:
        raise MethodFailed(Word.INVALID_TIMEZONE)
    return await _keep(call, replace(call.report_settings, zone=timedelta(minutes=minutes)))


async def get_zone(call: ApiCall) -> Sequence[Row]:
    """Return the time zone."""
    return ({"value": str(int(call.report_settings.zone.total_seconds()) // 60)},)


async def set_output(call: ApiCall) -> Sequence[Row]:
    """Choose text or XML."""
    given = call.given("output").upper()
    if given not in (TEXT, XML):
        raise MethodFailed(Word.INVALID_OUTPUT)
    return await _keep(call, replace(call.report_settings, output=given))


async def get_output(call: ApiCall) -> Sequence[Row]:
    """Return the output."""
    return ({"value": call.report_settings.output},)


async def set_delimiter(call: ApiCall) -> Sequence[Row]:
    """Choose what ends each value of a text report."""
    given = call.arguments.get("delimiter", "")
    if not 1 <= len(given) <= LONGEST_DELIMITER or "\n" in given or "\r" in given:
        raise MethodFailed(Word.INVALID_DELIMITER)
    return await _keep(call, replace(call.report_settings, delimiter=given))


async def get_delimiter(call: ApiCall) -> Sequence[Row]:
    """Return the delimiter."""
    return ({"value": call.report_settings.delimiter},)


async def set_date_format(call: ApiCall) -> Sequence[Row]:
    """Choose the order of day and month in printed dates."""
    day_first = _DAY_FIRST.get(call.given("dateformat").upper())
    if day_first is None:
        raise MethodFailed(Word.INVALID_FORMAT)
    return await _keep(call, replace(call.report_settings, day_first=day_first))


async def _keep(call: ApiCall, settings: ReportSettings) -> Sequence[Row]:
    if not call.given("authcode"):
        call.backend.report_settings.keep(call.credential, settings)
    elif changes := settings.changes(call.report_settings):
        await call.backend.client.change_report_settings(call.user.name, call.credential, changes)
    return ()


def _since_midnight(at: datetime) -> timedelta:
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)
