"""The settings of reports. They belong to a cookie or to a code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

import msgspec

LISTALL, SUMMARY = "LISTALL", "SUMMARY"
TEXT, XML = "TEXT", "XML"
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """Moments and the window are of the zone: `zone` is added to UTC. Without dates the report is of today.

    `exact`: the dates are moments, and the end is not part of the report. Else they are whole days, in each of which
    the window counts.
    """

    area: int = 0
    type: str = LISTALL
    output: str = TEXT
    delimiter: str = "|"
    day_first: bool = False
    zone: timedelta = timedelta()
    begin: datetime | None = None
    end: datetime | None = None
    exact: bool = False
    opens: timedelta = timedelta()
    closes: timedelta = _DAY - _SECOND

    @staticmethod
    def read(values: Mapping[str, str]) -> ReportSettings:
        """Return them with values in JSON by name; those that this program does not know are left out."""
        object_ = ",".join(f'"{name}":{value}' for name, value in values.items())
        return msgspec.json.decode(f"{{{object_}}}", type=ReportSettings)

    def changes(self, before: ReportSettings) -> dict[str, str]:
        """Return what differs from other settings, in JSON by name."""
        names = (one.name for one in fields(self) if getattr(self, one.name) != getattr(before, one.name))
        return {name: msgspec.json.encode(getattr(self, name)).decode() for name in names}

    def dates(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the begin and the end as they were set; those of today if they were not."""
        if self.begin is not None and self.end is not None:
            return self.begin, self.end
        today = (now + self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        return today, today

    def moments(self, now: datetime) -> tuple[datetime, datetime]:
        """Return from which moment on, and before which, a report reaches; in UTC."""
        begin, end = self.dates(now)
        try:
            return begin - self.zone, (end if self.exact else end + _DAY) - self.zone
        except OverflowError:  # at an end of the calendar
            return begin, end

    def has_room_for(self, at: datetime) -> bool:
        """Whether the window of the day is open at a moment of UTC."""
        if self.exact:
            return True
        local = self.local(at)
        of_day = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
        return self.opens <= of_day <= self.closes

    def local(self, at: datetime) -> datetime:
        """Return a moment of UTC in the zone."""
        try:
            return at + self.zone
        except OverflowError:
            return at
