"""How long a new PIN can be used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rescue_server.core import commands, decide, organization
from rescue_server.runtime import command_handlers
from rescue_server.runtime.state import EngineState

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def with_alice() -> EngineState:
    state = EngineState()
    state.apply(organization.GroupAdded(at=NOON, name="Support"))
    state.apply(organization.TechnicianAdded(at=NOON, name="alice", group="Support"))
    return state


@pytest.mark.parametrize(
    ("validity", "connecting", "valid_for"), [(20, 5, 5), (5, 20, 5), (20, 20, 20)], ids=["connecting", "code", "both"]
)
def test_a_pin_is_valid_for_the_smaller_of_validity_and_connecting_timeout(
    validity: int, connecting: int, valid_for: int
) -> None:
    periods = {
        "private_code_validity": timedelta(minutes=validity),
        "connecting_timeout": timedelta(minutes=connecting),
    }
    state = with_alice()
    state.apply(organization.SettingsChanged(at=NOON, owner="group:Support", periods=periods))
    context = decide.Context(now=NOON, organization=state.organization, in_focus=frozenset())
    answer = command_handlers.create_pin("alice", "Jan", lambda: "123456")(state, context).answer
    assert answer.valid_for == timedelta(minutes=valid_for)


def test_a_pin_that_was_given_again_stays_with_the_newer_session() -> None:
    """When nearly all PINs were given once, a new session gets that of one that has ended."""
    state = with_alice()
    context = decide.Context(now=NOON, organization=state.organization, in_focus=frozenset())
    for session in ("1001", "1002"):
        for event in decide.create_pin(session=session, technician="alice", pin="123456", customer="", context=context):
            state.apply(event)
    ended = decide.decide(state.sessions["1001"], commands.EndSession(technician="alice", session="1001"), context)
    for event in ended:
        state.apply(event)
    assert state.pins["123456"] == "1002"
