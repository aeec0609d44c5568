"""How long a new PIN can be used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rescue_server.core import decide, organization
from rescue_server.runtime import command_handlers
from rescue_server.runtime.state import EngineState

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("validity", "connecting", "valid_for"), [(20, 5, 5), (5, 20, 5), (20, 20, 20)], ids=["connecting", "code", "both"]
)
def test_a_pin_is_valid_for_the_smaller_of_validity_and_connecting_timeout(
    validity: int, connecting: int, valid_for: int
) -> None:
    state = EngineState()
    periods = {
        "private_code_validity": timedelta(minutes=validity),
        "connecting_timeout": timedelta(minutes=connecting),
    }
    for event in (
        organization.GroupAdded(at=NOON, name="Support"),
        organization.TechnicianAdded(at=NOON, name="alice", group="Support"),
        organization.SettingsChanged(at=NOON, owner="group:Support", periods=periods),
    ):
        state.apply(event)
    context = decide.Context(now=NOON, organization=state.organization, in_focus=frozenset())
    answer = command_handlers.create_pin("alice", "Jan", lambda: "123456")(state, context).answer
    assert answer.valid_for == timedelta(minutes=valid_for)
