"""The settings of reports that belong to cookies, in memory: those of a code are kept by the session server."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from rescue_api.reports.settings import ReportSettings

MOST_KEPT = 10_000
"""Settings of so many cookies are kept; those that were set last."""


@dataclass(slots=True)
class ReportSettingsKeeper:
    """The settings by cookie."""

    _kept: OrderedDict[str, ReportSettings] = field(default_factory=OrderedDict)

    def of(self, cookie: str) -> ReportSettings:
        """Return the settings of a cookie."""
        return self._kept.get(cookie, ReportSettings())

    def keep(self, cookie: str, settings: ReportSettings) -> None:
        """Keep changed settings."""
        self._kept[cookie] = settings
        self._kept.move_to_end(cookie)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
