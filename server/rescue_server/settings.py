"""The time-outs and terms of a technician group or channel, with the product's ranges.

The vendor publishes no defaults; these are the emulator's own. 0 means never where the product says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta

from rescue_protos.errors import InvalidArgument

_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)
MOST = 999 * _MINUTE
TERMS_LENGTH = 20_000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """All periods are emulated time."""

    private_code_validity: timedelta = 20 * _MINUTE
    connecting_timeout: timedelta = 20 * _MINUTE
    waiting_timeout: timedelta = timedelta(0)
    idle_timeout: timedelta = timedelta(0)
    reconnect_period: timedelta = _MINUTE
    offline_period: timedelta = 5 * _MINUTE
    heartbeat_interval: timedelta = 10 * _SECOND
    terms: str = ""

    def changed(self, changes: Mapping[str, timedelta | str]) -> SessionSettings:
        """Return the settings with these fields changed. Raises InvalidArgument that names the range."""
        known = {field.name for field in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise InvalidArgument.of(
                    _shown(name), f"there is no such setting; there are {', '.join(map(_shown, sorted(known)))}"
                )
            _check(name, value)
        result: SessionSettings = replace(self, **changes)  # type: ignore[arg-type]
        if result.reconnect_period <= result.heartbeat_interval:
            raise InvalidArgument.of(
                "reconnect-period" if "reconnect_period" in changes else "heartbeat-interval",
                f"the reconnect period ({_words(result.reconnect_period)}) must be longer than the "
                f"heartbeat interval ({_words(result.heartbeat_interval)})",
            )
        return result


_RANGES: dict[str, tuple[timedelta, timedelta, bool]] = {  # least, most, whether 0 is never
    "private_code_validity": (_MINUTE, MOST, False),
    "connecting_timeout": (_MINUTE, MOST, False),
    "waiting_timeout": (_MINUTE, MOST, True),
    "idle_timeout": (_MINUTE, MOST, True),
    "reconnect_period": (2 * _SECOND, MOST, False),
    "offline_period": (_SECOND, MOST, False),
    "heartbeat_interval": (_SECOND, 10 * _MINUTE, False),
}


def _check(name: str, value: timedelta | str) -> None:
    shown = _shown(name)
    if isinstance(value, str):
        if name != "terms":
            raise InvalidArgument.of(shown, "a duration is needed, like 90s or 5m")
        if len(value) > TERMS_LENGTH:
            raise InvalidArgument.of(shown, f"at most {TERMS_LENGTH} characters, not {len(value)}")
        return
    if name == "terms":
        raise InvalidArgument.of(shown, "a text is needed")
    least, most, zero_is_never = _RANGES[name]
    if (value == timedelta(0) and zero_is_never) or least <= value <= most:
        return
    never = ", or 0 for never" if zero_is_never else ""
    raise InvalidArgument.of(shown, f"{_words(value)} is out of range: {_words(least)} to {_words(most)}{never}")


def _shown(name: str) -> str:
    """A setting's name as people write it."""
    return name.replace("_", "-")


def _words(period: timedelta) -> str:
    seconds = period.total_seconds()
    if seconds >= 60 and seconds % 60 == 0:
        minutes = int(seconds // 60)
        return f"{minutes} minute{'s' if minutes != 1 else ''}"
    return f"{seconds:g} second{'s' if seconds != 1 else ''}"
