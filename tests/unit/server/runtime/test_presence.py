"""Who is in focus: any of a technician's consoles is; one that is gone is not."""

from __future__ import annotations

import pytest

from rescue_server.runtime import presence as module
from rescue_server.runtime.presence import Presence


@pytest.fixture
def told() -> list[tuple[str, bool]]:
    return []


@pytest.fixture
def presence(told: list[tuple[str, bool]]) -> Presence:
    async def tell(technician: str, focused: bool) -> None:
        told.append((technician, focused))

    return Presence(tell)


async def test_one_console_in_focus_is_enough(presence: Presence, told: list[tuple[str, bool]]) -> None:
    await presence.set("alice", "at work", True)
    await presence.set("alice", "at home", True)
    await presence.set("alice", "at work", False)
    assert told == [("alice", True)]
    await presence.set("alice", "at home", False)
    assert told == [("alice", True), ("alice", False)]
    assert presence.in_focus() == frozenset()


async def test_a_console_that_is_gone_is_not_in_focus(presence: Presence, told: list[tuple[str, bool]]) -> None:
    await presence.set("alice", "at work", True)
    await presence.leave("alice", "at work")
    assert told == [("alice", True), ("alice", False)]


async def test_after_a_start_who_was_in_focus_may_come_back(
    presence: Presence, told: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FOCUS_KEPT", 0.0)
    presence.assume(frozenset({"alice", "bob"}))
    await presence.set("alice", "at work", True)
    assert presence.in_focus() == {"alice", "bob"}
    await presence.end_assumption()
    assert told == [("bob", False)]
    assert presence.in_focus() == {"alice"}


async def test_that_consoles_leave_a_stopping_server_says_nothing(
    presence: Presence, told: list[tuple[str, bool]]
) -> None:
    await presence.set("alice", "at work", True)
    presence.close()
    await presence.leave("alice", "at work")
    assert told == [("alice", True)]
