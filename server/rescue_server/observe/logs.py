"""The server's log: lines for people, or one JSON object a line, on stderr.

Facts beside the message go into a record as `log.info("…", extra=facts(session="1001"))`. What is logged: each call
with its outcome and each stored event at INFO, what goes wrong above it. Times are real time: who correlates this with
another program's log needs that; the emulated time of an event is one of its facts.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from rescue_common.emulated_time import format_timestamp

LEVELS = ("debug", "info", "warning", "error")
_FACTS = "rescue_facts"


class LogFormat(StrEnum):
    """How a line looks."""

    TEXT = "text"
    JSON = "json"


def facts(**found: object) -> dict[str, Any]:
    """Return what to pass as `extra`: the facts that there are, empty ones left out."""
    return {_FACTS: {name: value for name, value in found.items() if value not in (None, "")}}


def configure(form: LogFormat, level: str) -> None:
    """Have everything from this level on written to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form is LogFormat.JSON else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": _instant(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, _FACTS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        found = " ".join(f"{name}={value}" for name, value in getattr(record, _FACTS, {}).items())
        line = f"{_instant(record)} {record.levelname.lower():<7} {record.getMessage()}"
        # Somebody's words must not look like a line of the log.
        line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in f"{line}  {found}".rstrip())
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _instant(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return format_timestamp(at, timespec="milliseconds")
