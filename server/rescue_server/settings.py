"""The time-outs and the terms of a technician group or channel: names, defaults and ranges.

`SessionSettings` is the server's one table of settings: the checks, the calls, the deadlines and the scenarios derive
theirs from it. `rescue_client.admin` has its own list of names and ranges for people; a test compares the two.

The ranges are the product's. The vendor publishes no defaults, so the defaults are the emulator's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, get_origin, get_type_hints

from rescue_protos.errors import InvalidArgument

_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)
MOST = 999 * _MINUTE
TERMS_LENGTH = 20_000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodRange:
    """Which periods a setting can have, in emulated time."""

    least: timedelta
    most: timedelta = MOST
    zero_is_never: bool = False

    def __contains__(self, period: timedelta) -> bool:
        """Whether the setting can have this period."""
        return (self.zero_is_never and not period) or self.least <= period <= self.most

    def __str__(self) -> str:
        """Return the range as a message to people has it."""
        never = ", or 0 for never" if self.zero_is_never else ""
        return f"{_words(self.least)} to {_words(self.most)}{never}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """The settings of one group or channel. All periods are emulated time."""

    private_code_validity: Annotated[timedelta, PeriodRange(least=_MINUTE)] = 20 * _MINUTE
    connecting_timeout: Annotated[timedelta, PeriodRange(least=_MINUTE)] = 20 * _MINUTE
    waiting_timeout: Annotated[timedelta, PeriodRange(least=_MINUTE, zero_is_never=True)] = timedelta(0)
    idle_timeout: Annotated[timedelta, PeriodRange(least=_MINUTE, zero_is_never=True)] = timedelta(0)
    reconnect_period: Annotated[timedelta, PeriodRange(least=2 * _SECOND)] = _MINUTE
    offline_period: Annotated[timedelta, PeriodRange(least=_SECOND)] = 5 * _MINUTE
    heartbeat_interval: Annotated[timedelta, PeriodRange(least=_SECOND, most=10 * _MINUTE)] = 10 * _SECOND
    terms: str = ""

    def changed(self, changes: Mapping[str, timedelta | str]) -> SessionSettings:
        """Return the settings with these fields changed. Raises InvalidArgument that names the range."""
        for name, value in changes.items():
            _check(name, value)
        result: SessionSettings = replace(self, **changes)  # type: ignore[arg-type]
        if result.reconnect_period <= result.heartbeat_interval:
            raise InvalidArgument.of(
                "reconnect-period" if "reconnect_period" in changes else "heartbeat-interval",
                f"the reconnect period ({_words(result.reconnect_period)}) must be longer than the "
                f"heartbeat interval ({_words(result.heartbeat_interval)})",
            )
        return result


_NAMES = {setting.name: setting.name.replace("_", "-") for setting in fields(SessionSettings)}
PERIODS: Mapping[str, PeriodRange] = MappingProxyType(
    {
        name: hint.__metadata__[0]
        for name, hint in get_type_hints(SessionSettings, include_extras=True).items()
        if get_origin(hint) is Annotated
    }
)
"""The settings that are periods, by the name of their field."""


def setting_name(field_name: str) -> str:
    """Return a setting's name as people write it. Raises KeyError if there is no such setting."""
    return _NAMES[field_name]


def _check(name: str, value: timedelta | str) -> None:
    if name not in _NAMES:
        raise InvalidArgument.of(
            name.replace("_", "-"), f"there is no such setting; there are {', '.join(sorted(_NAMES.values()))}"
        )
    shown = setting_name(name)
    if isinstance(value, str):
        if name in PERIODS:
            raise InvalidArgument.of(shown, "a duration is needed, like 90s or 5m")
        if len(value) > TERMS_LENGTH:
            raise InvalidArgument.of(shown, f"at most {TERMS_LENGTH} characters, not {len(value)}")
        return
    if name not in PERIODS:
        raise InvalidArgument.of(shown, "a text is needed")
    if value not in PERIODS[name]:
        raise InvalidArgument.of(shown, f"{_words(value)} is out of range: {PERIODS[name]}")


def _words(period: timedelta) -> str:
    seconds = period.total_seconds()
    if seconds >= 60 and seconds % 60 == 0:
        minutes = int(seconds // 60)
        return f"{minutes} minute{'s' if minutes != 1 else ''}"
    return f"{seconds:g} second{'s' if seconds != 1 else ''}"
