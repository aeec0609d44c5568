"""Whom settings of reports belong to. A code outlives the server, and so do its settings, by a file.

Each change is a line of it. A line is written at once, and not synced: it outlives this program, however that ends.
"""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import msgspec

from rescue_api.reports.settings import ReportSettings
from rescue_common.private_files import write_private

log = logging.getLogger(__name__)
MOST_KEPT = 10_000
"""Settings of so many cookies and codes are kept; those that were set last."""

SETTINGS_FILE = "api-report-settings.jsonl"
_HASH_LENGTH = 64  # a code is known by its hash; a cookie is shorter, and void after a start
_Line = tuple[str, ReportSettings]


class ReportSettingsKeeper:
    """The settings by the hash of a code, or by a cookie. Without a file all of them are in memory only."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._kept: OrderedDict[str, ReportSettings] = OrderedDict()
        self._lines = 2 * MOST_KEPT  # so the first change writes the file anew
        for credential, settings in _read(file) if file else ():
            self._take(credential, settings)

    def of(self, credential: str) -> ReportSettings:
        """Return the settings of a cookie or code."""
        return self._kept.get(credential, ReportSettings())

    def keep(self, credential: str, settings: ReportSettings) -> None:
        """Keep changed settings."""
        self._take(credential, settings)
        if self._file is not None and len(credential) == _HASH_LENGTH:
            try:
                self._write(self._file, credential, settings)
            except OSError as error:
                log.warning("settings of reports will be gone after a restart: %s", error.strerror or error)

    def _take(self, credential: str, settings: ReportSettings) -> None:
        self._kept[credential] = settings
        self._kept.move_to_end(credential)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def _write(self, file: Path, credential: str, settings: ReportSettings) -> None:
        if self._lines >= 2 * MOST_KEPT:
            lines = [_line(key, value) for key, value in self._kept.items() if len(key) == _HASH_LENGTH]
            write_private(file, b"".join(lines), durable=False)
            self._lines = len(lines)
            return
        opened = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(opened, _line(credential, settings))
        finally:
            os.close(opened)
        self._lines += 1


def _line(credential: str, settings: ReportSettings) -> bytes:
    return msgspec.json.encode((credential, settings)) + b"\n"


def _read(file: Path) -> Iterator[_Line]:
    """Yield what the file has; a line that was not finished, or is of another version, has nothing."""
    if not file.exists():
        return
    for line in file.read_bytes().splitlines():
        try:
            yield msgspec.json.decode(line, type=_Line)
        except msgspec.DecodeError:
            continue
