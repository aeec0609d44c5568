"""Which status may follow which: the published table, as data.

The table is the whole truth: every change that the core makes is looked up here, the docs are printed from it, and the
tests walk it row by row, both ways. A change that is not in the table does not exist.

Source: the published status-change table; the number is the row's.
"""

from __future__ import annotations

from rescue_server.core.status import Status as S

ROWS: tuple[tuple[int, S, S], ...] = (
    (1, S.CONNECTING, S.WAITING),
    (2, S.CONNECTING, S.REMOVED),
    (3, S.WAITING, S.ACTIVE),
    (4, S.WAITING, S.OUTGOING),
    (5, S.WAITING, S.REMOVED),
    (6, S.WAITING, S.RECONNECTING),
    (7, S.WAITING, S.REBOOTING),
    (8, S.ACTIVE, S.CLOSED),
    (9, S.ACTIVE, S.TIMED_OUT),
    (10, S.ACTIVE, S.REMOVED),
    (11, S.ACTIVE, S.REBOOTING),
    (12, S.ACTIVE, S.RECONNECTING),
    (13, S.ACTIVE, S.COLLABORATING),
    (14, S.ACTIVE, S.ON_HOLD),
    (15, S.ACTIVE, S.OUTGOING),
    (16, S.ON_HOLD, S.ACTIVE),
    (17, S.ON_HOLD, S.OUTGOING),
    (18, S.ON_HOLD, S.REBOOTING),
    (19, S.ON_HOLD, S.COLLABORATING),
    (20, S.ON_HOLD, S.CLOSED),
    (21, S.ON_HOLD, S.RECONNECTING),
    (22, S.RECONNECTING, S.ACTIVE),
    (23, S.RECONNECTING, S.ON_HOLD),
    (24, S.RECONNECTING, S.TIMED_OUT),
    (25, S.RECONNECTING, S.REMOVED),
    (26, S.RECONNECTING, S.WAITING),
    (27, S.RECONNECTING, S.INCOMING),
    (28, S.RECONNECTING, S.OFFLINE),
    (29, S.OFFLINE, S.ACTIVE),
    (30, S.OFFLINE, S.TIMED_OUT),
    (31, S.OFFLINE, S.REMOVED),
    (32, S.OFFLINE, S.ON_HOLD),
    (33, S.OFFLINE, S.WAITING),
    (34, S.INCOMING, S.OUTGOING),
    (35, S.INCOMING, S.RECONNECTING),
    (36, S.INCOMING, S.REBOOTING),
    (37, S.INCOMING, S.REMOVED),
    (38, S.INCOMING, S.ACTIVE),
    (39, S.OUTGOING, S.ACTIVE),
    (40, S.OUTGOING, S.INCOMING),
    (41, S.OUTGOING, S.REBOOTING),
    (42, S.OUTGOING, S.CLOSED),
    (43, S.OUTGOING, S.REMOVED),
    (44, S.INVITATION, S.COLLABORATING),
    (45, S.INVITATION, S.REMOVED),
    (46, S.COLLABORATING, S.REBOOTING),
    (47, S.COLLABORATING, S.REMOVED_TIMED_OUT),
    (48, S.COLLABORATING, S.CLOSED),
    (49, S.COLLABORATING, S.ON_HOLD),
    (50, S.COLLABORATING, S.REMOVED),
    (51, S.COLLABORATING, S.ACTIVE),
    (52, S.REBOOTING, S.ACTIVE),
    (53, S.REBOOTING, S.CLOSED),
    (54, S.REBOOTING, S.REMOVED),
    (55, S.REBOOTING, S.OUTGOING),
    (56, S.REBOOTING, S.ON_HOLD),
    (57, S.REBOOTING, S.INCOMING),
    (58, S.REBOOTING, S.COLLABORATING),
    (59, S.REBOOTING, S.WAITING),
    (60, S.CLOSED, S.REMOVED),
    (61, S.TIMED_OUT, S.TIMED_OUT),
    (62, S.TIMED_OUT, S.REMOVED),
)

_ROW_OF = {(start, end): row for row, start, end in ROWS}


def row_of(start: S, end: S) -> int:
    """Return the row of the table for a change. Raises UnlistedChange if there is none."""
    row = _ROW_OF.get((start, end))
    if row is None:
        raise UnlistedChange(start, end)
    return row


class UnlistedChange(Exception):
    """The core tried to show a change that the table does not have: a defect of this program."""

    def __init__(self, start: S, end: S) -> None:
        super().__init__(f"{start} -> {end} is not in the table")
        self.start = start
        self.end = end
