"""The settings of reports. They belong to a cookie or to a code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

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
