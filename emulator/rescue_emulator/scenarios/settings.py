"""Settings in a scenario: which there are, and whether the server will take what is set, in the order of the story.

Ranges, defaults and what must fit together are the server's own; a story plays with the server of this installation.
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


#: What can be set, with the default that is restored afterwards.
SETTINGS: Mapping[str, str] = MappingProxyType(
    {setting_name(field.name): _written(getattr(SessionSettings(), field.name)) for field in fields(SessionSettings)}
)


class BadSetting(ValueError):
    """The server would refuse it; `name` is the setting that is wrong."""

    def __init__(self, name: str, wrong: str) -> None:
        super().__init__(wrong)
        self.name = name


class Owners:
    """The settings of every group and channel as they are at a point of the story, from the server's defaults on."""

    def __init__(self) -> None:
        self._now: dict[str, SessionSettings] = {}

    def change(self, owner: str, changes: Mapping[str, str]) -> None:
        """Change some settings of one owner, all at once. Raises BadSetting; then none of them is changed."""
        values: dict[str, timedelta | str] = {}
        for name, written in changes.items():
            try:
                values[name.replace("-", "_")] = written if name == TERMS else parse_duration(written)
            except BadDuration as error:
                raise BadSetting(name, str(error)) from None
        try:
            self._now[owner] = self._now.get(owner, SessionSettings()).changed(values)
        except InvalidArgument as error:
            raise BadSetting(error.field, error.wrong) from None
