"""The rows of the Login and Performance reports: about technicians, not about single sessions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rescue_api.reports.book import Cells, ReportBook
from rescue_api.reports.settings import SUMMARY
from rescue_api.times import span
from rescue_client.api_records import ConsoleTime, EndedSession

_DAY = timedelta(days=1)
_NO_TIME = timedelta()
_HOUR = 3600


def login_row(book: ReportBook, presence: ConsoleTime, until: datetime) -> Cells:
    """Return the row of a presence that is over."""
    who = presence.technician
    return (
        book.moment(presence.since),
        book.moment(until),
        span(until - presence.since),
        who,
        book.person_node(who),
        book.email(who),
        book.group(who),
        presence.address,
    )


@dataclass(slots=True)
class _Tally:
    """What a technician did on a day, or in the whole range."""

    logged_in: timedelta = _NO_TIME
    sessions: int = 0
    waiting: timedelta = _NO_TIME
    total: timedelta = _NO_TIME
    longest: timedelta = _NO_TIME
    active: timedelta = _NO_TIME
    work: timedelta = _NO_TIME


@dataclass(slots=True)
class PerformanceTally:
    """Adds up the Performance report: a row per technician and day, or per technician. `begin` to `end` in UTC."""

    book: ReportBook
    begin: datetime
    end: datetime
    _tallies: dict[tuple[str, datetime | None], _Tally] = field(default_factory=dict)

    def add_presence(self, presence: ConsoleTime, until: datetime) -> None:
        """Add the part of a presence that lies in the range, day by day."""
        since, until = max(presence.since, self.begin), min(until, self.end)
        while since < until:
            day = self._day(since)
            part_end = until if day is None else min(until, day + _DAY - self.book.settings.zone)
            self._of(presence.technician, day).logged_in += part_end - since
            since = part_end

    def add_session(self, session: EndedSession) -> None:
        """Add a session that somebody led."""
        if session.started_at is None:
            return
        tally, spent = self._of(session.lead, self._day(session.started_at)), session.spent
        tally.sessions += 1
        tally.waiting += spent.waiting
        tally.total += spent.total
        tally.longest = max(tally.longest, spent.total)
        tally.active += spent.active
        tally.work += spent.work

    def rows(self) -> Iterator[Cells]:
        """Yield the rows, by technician, then day."""
        for (who, day), tally in sorted(self._tallies.items(), key=lambda one: (one[0][0], one[0][1] or self.begin)):
            yield (
                who,
                self.book.person_node(who),
                self.book.email(who),
                self.book.group(who),
                "" if day is None else self.book.day(day),
                span(tally.logged_in),
                str(tally.sessions),
                _per_hour(tally),
                span(_mean(tally.waiting, tally.sessions)),
                span(_mean(tally.total, tally.sessions)),
                span(_mean(tally.work, tally.sessions)),
                span(tally.longest),
                span(tally.active),
                span(tally.work),
            )

    def _of(self, technician: str, day: datetime | None) -> _Tally:
        return self._tallies.setdefault((technician, day), _Tally())

    def _day(self, at: datetime) -> datetime | None:
        """Return the day of a moment, in the zone; None in a summary."""
        if self.book.settings.type == SUMMARY:
            return None
        return self.book.settings.local(at).replace(hour=0, minute=0, second=0, microsecond=0)


def _per_hour(tally: _Tally) -> str:
    seconds = tally.logged_in.total_seconds()
    return f"{_HOUR * tally.sessions / seconds:.2f}" if seconds else "0.00"


def _mean(whole: timedelta, number: int) -> timedelta:
    return whole / number if number else _NO_TIME
