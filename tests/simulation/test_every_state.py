"""The table, both ways: over all reachable states, the changes that queues show are exactly the table."""

from __future__ import annotations

import pytest

from rescue_protos.status_table import read_rows
from rescue_server.core.causes import cause_of
from rescue_server.core.clearing import clear
from rescue_server.core.decide import Context
from rescue_server.core.queue import updates
from rescue_server.core.session import apply, is_gone
from rescue_server.core.transitions import ROWS
from tests.simulation.state_space import START, organization_of, walk

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


@pytest.mark.parametrize("count", [2, 3])
def test_a_reset_clears_every_reachable_state_by_changes_of_the_table(count: int) -> None:
    organization = organization_of(count)
    context = Context(organization=organization, in_focus=frozenset(), now=START)
    for session in walk(count).states.values():
        for event in clear(session, by="admin", context=context):
            before, session = session, apply(session, event)
            updates(before, event, session, organization)  # raises if a change is not in the table
            assert cause_of(before, event).code.endswith(".reset")
        assert is_gone(session)
