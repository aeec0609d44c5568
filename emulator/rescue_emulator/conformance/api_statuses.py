"""What the public API may show of an entry, by what its technician's console shows. Pure.

A console hides facts that the API tells: a collaborator goes on while the link is lost, and who left sees nothing. So
there can be several words. `tests/simulation/test_api_statuses.py` has the exact ones, of every state.

Source: the specification's table from entries to API statuses.
"""

from __future__ import annotations

from collections.abc import Set

from rescue_client.records import Status

NO_ROW = ""
_LOST = frozenset({"Reconnecting", "Offline"})
_TECHNICIAN = frozenset({"Closed by technician"})
_CUSTOMER = frozenset({"Closed by active customer", "Closed by customer"})

SHOWN: dict[Status, Set[str]] = {
    Status.CONNECTING: {"Connecting"},
    Status.WAITING: {"Waiting"},
    Status.ACTIVE: {"Active"},
    Status.ON_HOLD: {"On Hold", *_LOST},
    Status.RECONNECTING: _LOST,
    Status.OFFLINE: {"Offline"},
    Status.REBOOTING: {"Rebooting"},
    Status.INCOMING: {"Transferring"},
    Status.OUTGOING: {"Transferring", *_LOST},
    Status.INVITATION: {NO_ROW},
    Status.COLLABORATING: {"Active", *_LOST},
    Status.CLOSED: _TECHNICIAN | _CUSTOMER | {"Timed out"},  # a collaborator's, when the lead timed out
    Status.TIMED_OUT: {"Timed out"},
    Status.REMOVED_TIMED_OUT: {NO_ROW},  # a collaborator's: the session goes on
}
"""While the queue shows it."""

REMOVED: dict[Status, Set[str]] = {
    Status.CONNECTING: _TECHNICIAN | {NO_ROW, "Timed out", "Closed by customer"},
    Status.WAITING: _TECHNICIAN | {NO_ROW, "Timed out", "Closed by waiting customer"},
    Status.ACTIVE: _TECHNICIAN,
    Status.ON_HOLD: _TECHNICIAN | {NO_ROW},
    Status.RECONNECTING: _TECHNICIAN | {NO_ROW, "Timed out", "Closed by waiting customer"},
    Status.OFFLINE: _TECHNICIAN | {NO_ROW, "Timed out", "Closed by waiting customer"},
    Status.REBOOTING: _TECHNICIAN | _CUSTOMER | {NO_ROW, "Transferred", "Timed out", "Closed by waiting customer"},
    Status.INCOMING: _TECHNICIAN | {NO_ROW, "Timed out", "Closed by customer"},
    Status.OUTGOING: _TECHNICIAN | {NO_ROW, "Transferred", "Closed by customer"},
    Status.INVITATION: {NO_ROW},
    Status.COLLABORATING: _TECHNICIAN | {NO_ROW},
    Status.CLOSED: _TECHNICIAN | _CUSTOMER | {"Timed out: closed by technician"},
    Status.TIMED_OUT: {"Timed out: closed by technician"},
}
"""After the queue removed it, by what it showed before."""


def allowed(status: Status, previous: Status | None) -> Set[str]:
    """Return the words that the API may show; `NO_ROW` stands for no row."""
    if status is Status.REMOVED:
        return REMOVED.get(previous, frozenset()) if previous else frozenset()
    return SHOWN.get(status, frozenset())
