"""Which of the table's 62 changes recorded journals have exercised, and how often.

Row 61 is no change: an entry that timed out is still there after three minutes. It counts when a journal shows that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from rescue_server.core.status import Status
from rescue_server.core.transitions import ROWS
from rescue_server.replay.journal_file import RecordedLine

STAYS = timedelta(minutes=3)
_STAYED = 61


def count_rows(lines: Iterable[RecordedLine]) -> dict[int, int]:
    """Return how often each row happened in one journal; every row of the table is a key."""
    found = Counter[int]()
    timed_out: dict[tuple[str, str], datetime] = {}
    for line in lines:
        for entry in [entry for entry, since in timed_out.items() if line.at >= since + STAYS]:
            found[_STAYED] += 1
            del timed_out[entry]
        for change in line.changes:
            if change.row is not None:
                found[change.row] += 1
            entry = (line.stream, change.technician)
            if change.status is Status.TIMED_OUT:
                timed_out[entry] = line.at
            else:
                timed_out.pop(entry, None)
    return {row: found[row] for row, _, _ in ROWS}
