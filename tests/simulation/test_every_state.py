"""The table, both ways: over all reachable states, the changes that queues show are exactly the table."""

from __future__ import annotations

import pytest

from rescue_protos.status_table import read_rows
from rescue_server.core.transitions import ROWS
from tests.simulation.state_space import walk

pytestmark = pytest.mark.no_cover  # counting lines would double the time of so many steps

# Timed Out to Timed Out (row 61) is the only row that shows no change; a test in tests/e2e advances through it.
UNSEEN = {61}


def test_the_core_has_the_published_table() -> None:
    assert [(row.row, row.start, row.end) for row in read_rows()] == [
        (row, start.value, end.value) for row, start, end in ROWS
    ]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_the_changes_of_every_reachable_state_are_the_table(count: int) -> None:
    seen = {(change.row, change.start, change.end) for change in walk(count).changes}
    assert seen == {row for row in ROWS if row[0] not in UNSEEN}
