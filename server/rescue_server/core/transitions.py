"""Which status may follow which: the server's own table.

The core looks up every change here; a change that is not in the table does not exist. The published table is
`rescue_protos.status_table`. `tests/simulation/test_every_state.py` compares the two, and walks this one both ways.

Source: the published status-change table; the number is the row's.
"""

from __future__ import annotations

from rescue_server.core.status import Status

ROWS: tuple[tuple[int, Status, Status], ...] = (
    (1, Status.CONNECTING, Status.WAITING),
    (2, Status.CONNECTING, Status.REMOVED),
    (3, Status.WAITING, Status.ACTIVE),
    (4, Status.WAITING, Status.OUTGOING),
    (5, Status.WAITING, Status.REMOVED),
    (6, Status.WAITING, Status.RECONNECTING),
    (7, Status.WAITING, Status.REBOOTING),
    (8, Status.ACTIVE, Status.CLOSED),
    (9, Status.ACTIVE, Status.TIMED_OUT),
    (10, Status.ACTIVE, Status.REMOVED),
    (11, Status.ACTIVE, Status.REBOOTING),
    (12, Status.ACTIVE, Status.RECONNECTING),
    (13, Status.ACTIVE, Status.COLLABORATING),
    (14, Status.ACTIVE, Status.ON_HOLD),
    (15, Status.ACTIVE, Status.OUTGOING),
    (16, Status.ON_HOLD, Status.ACTIVE),
    (17, Status.ON_HOLD, Status.OUTGOING),
    (18, Status.ON_HOLD, Status.REBOOTING),
    (19, Status.ON_HOLD, Status.COLLABORATING),
    (20, Status.ON_HOLD, Status.CLOSED),
    (21, Status.ON_HOLD, Status.RECONNECTING),
    (22, Status.RECONNECTING, Status.ACTIVE),
    (23, Status.RECONNECTING, Status.ON_HOLD),
    (24, Status.RECONNECTING, Status.TIMED_OUT),
    (25, Status.RECONNECTING, Status.REMOVED),
    (26, Status.RECONNECTING, Status.WAITING),
    (27, Status.RECONNECTING, Status.INCOMING),
    (28, Status.RECONNECTING, Status.OFFLINE),
    (29, Status.OFFLINE, Status.ACTIVE),
    (30, Status.OFFLINE, Status.TIMED_OUT),
    (31, Status.OFFLINE, Status.REMOVED),
    (32, Status.OFFLINE, Status.ON_HOLD),
    (33, Status.OFFLINE, Status.WAITING),
    (34, Status.INCOMING, Status.OUTGOING),
    (35, Status.INCOMING, Status.RECONNECTING),
    (36, Status.INCOMING, Status.REBOOTING),
    (37, Status.INCOMING, Status.REMOVED),
    (38, Status.INCOMING, Status.ACTIVE),
    (39, Status.OUTGOING, Status.ACTIVE),
    (40, Status.OUTGOING, Status.INCOMING),
    (41, Status.OUTGOING, Status.REBOOTING),
    (42, Status.OUTGOING, Status.CLOSED),
    (43, Status.OUTGOING, Status.REMOVED),
    (44, Status.INVITATION, Status.COLLABORATING),
    (45, Status.INVITATION, Status.REMOVED),
    (46, Status.COLLABORATING, Status.REBOOTING),
    (47, Status.COLLABORATING, Status.REMOVED_TIMED_OUT),
    (48, Status.COLLABORATING, Status.CLOSED),
    (49, Status.COLLABORATING, Status.ON_HOLD),
    (50, Status.COLLABORATING, Status.REMOVED),
    (51, Status.COLLABORATING, Status.ACTIVE),
    (52, Status.REBOOTING, Status.ACTIVE),
    (53, Status.REBOOTING, Status.CLOSED),
    (54, Status.REBOOTING, Status.REMOVED),
    (55, Status.REBOOTING, Status.OUTGOING),
    (56, Status.REBOOTING, Status.ON_HOLD),
    (57, Status.REBOOTING, Status.INCOMING),
    (58, Status.REBOOTING, Status.COLLABORATING),
    (59, Status.REBOOTING, Status.WAITING),
    (60, Status.CLOSED, Status.REMOVED),
    (61, Status.TIMED_OUT, Status.TIMED_OUT),
    (62, Status.TIMED_OUT, Status.REMOVED),
)

_ROW_OF = {(start, end): row for row, start, end in ROWS}


def row_of(start: Status, end: Status) -> int:
    """Return the row of the table for a change. Raises UnlistedChange if there is none."""
    row = _ROW_OF.get((start, end))
    if row is None:
        raise UnlistedChange(start, end)
    return row


class UnlistedChange(Exception):
    """The core made a change that the table does not have. That is a defect of this program."""

    def __init__(self, start: Status, end: Status) -> None:
        super().__init__(f"{start} -> {end} is not in the table")
        self.start = start
        self.end = end
