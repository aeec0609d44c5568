"""Settings in a scenario: their names and defaults, and a check of all changes in the order of the steps.

Ranges, defaults and combinations are those of the server in this installation, which also plays the scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from types import MappingProxyType

from rescue_common.durations import BadDuration, format_duration, parse_duration
from rescue_protos.errors import InvalidArgument
from rescue_server.settings import SessionSettings, setting_name

TERMS = "terms"


def _written(value: timedelta | str) -> str:
    return format_duration(value) if isinstance(value, timedelta) else value


#: All settings, with the defaults that are restored after a scenario.
SETTINGS: Mapping[str, str] = MappingProxyType(
    {setting_name(field.name): _written(getattr(SessionSettings(), field.name)) for field in fields(SessionSettings)}
)


class SettingRefused(ValueError):
    """The server would refuse the value; `name` is the wrong setting."""

    def __init__(self, name: str, wrong: str) -> None:
        super().__init__(wrong)
        self.name = name


class SettingsState:
    """The settings of every group and channel at one point of a scenario; they begin with the defaults."""

    def __init__(self) -> None:
        self._now: dict[str, SessionSettings] = {}

    def change(self, owner: str, changes: Mapping[str, str]) -> None:
        """Change settings of one owner, all or none. Raises SettingRefused."""
        values: dict[str, timedelta | str] = {}
        for name, written in changes.items():
            try:
                values[name.replace("-", "_")] = written if name == TERMS else parse_duration(written)
            except BadDuration as error:
                raise SettingRefused(name, str(error)) from None
        try:
            self._now[owner] = self._now.get(owner, SessionSettings()).changed(values)
        except InvalidArgument as error:
            raise SettingRefused(error.field, error.wrong) from None
