"""Groups and channels can be removed when nothing needs them any more, and the refusal names what does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rescue_protos.errors import NotFound, OrganizationRefused
from rescue_server.core import decide, organization
from rescue_server.core.causes import cause_of_change
from rescue_server.runtime import command_handlers
from rescue_server.runtime.engine import Handler
from rescue_server.runtime.state import EngineState

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
FOUNDING = (
    organization.GroupAdded(at=NOON, name="Night"),
    organization.GroupAdded(at=NOON, name="Day"),
    organization.TechnicianAdded(at=NOON, name="erin", group="Night"),
    organization.ChannelAdded(at=NOON, name="Late", groups=("Night",)),
    organization.SettingsChanged(at=NOON, owner="channel:Late", periods={"idle_timeout": timedelta(minutes=2)}),
)


@pytest.fixture
def state() -> EngineState:
    found = EngineState()
    for event in FOUNDING:
        found.apply(event)
    return found


def perform(state: EngineState, handler: Handler) -> None:
    for event in handler(state, decide.Context(now=NOON, organization=state.organization, in_focus=frozenset())).events:
        state.apply(event)


def test_what_nothing_needs_goes_with_its_settings(state: EngineState) -> None:
    perform(state, command_handlers.remove_channel("admin", "Late"))
    perform(state, command_handlers.move_technician("admin", "erin", "Day"))
    perform(state, command_handlers.remove_group("admin", "Night"))
    assert (state.organization.groups, state.organization.channels) == (("Day",), {})
    assert state.organization.settings.keys() == {"group:Day"}


@pytest.mark.parametrize(
    ("handler", "error", "says"),
    [
        (command_handlers.remove_group("admin", "Night"), OrganizationRefused, r"still has technicians \(erin\)"),
        (command_handlers.remove_group("admin", "Dusk"), NotFound, "there are Day, Night"),
        (command_handlers.remove_channel("admin", "Dawn"), NotFound, "there are Late"),
    ],
)
def test_what_is_needed_or_unknown_is_refused(
    state: EngineState, handler: Handler, error: type[Exception], says: str
) -> None:
    before = state.organization
    with pytest.raises(error, match=says):
        perform(state, handler)
    assert state.organization == before


def test_a_group_that_serves_a_channel_stays(state: EngineState) -> None:
    perform(state, command_handlers.move_technician("admin", "erin", "Day"))
    with pytest.raises(OrganizationRefused, match=r"still serves channels \(Late\)"):
        perform(state, command_handlers.remove_group("admin", "Night"))


def test_sessions_keep_the_channel_whose_settings_they_follow(state: EngineState) -> None:
    perform(state, command_handlers.start_through_channel("Late", "Jan", "hash"))
    with pytest.raises(OrganizationRefused, match=r"channel:Late still has sessions \(1001\)"):
        perform(state, command_handlers.remove_channel("admin", "Late"))


@pytest.mark.parametrize("kind", [organization.GroupDeleted, organization.ChannelDeleted])
def test_the_journal_tells_who_removed_what(
    kind: type[organization.GroupDeleted] | type[organization.ChannelDeleted],
) -> None:
    cause = cause_of_change(kind(at=NOON, by="admin", name="Night"))
    assert (cause.technician, cause.facts) == ("admin", {"name": "Night"})
