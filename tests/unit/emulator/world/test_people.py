"""The organization that a world expects is the one that the server creates."""

from __future__ import annotations

import tomllib

import pytest

from rescue_emulator.world.people import CHANNELS, GROUPS, AccountNames
from rescue_server.startup.organization_file import DEFAULT


def test_the_default_organization_is_the_servers() -> None:
    found = tomllib.loads(DEFAULT)
    assert {name: tuple(group["technicians"]) for name, group in found["groups"].items()} == GROUPS
    assert {name: tuple(channel["groups"]) for name, channel in found["channels"].items()} == CHANNELS


def test_the_names_of_a_world_on_a_shared_server_are_its_own() -> None:
    names = AccountNames(suffix="3f9c1a")
    assert names.account("alice") == "alice-3f9c1a"
    assert names.owner("group:Support") == "group:Support-3f9c1a"
    assert names.plain("alice-3f9c1a") == "alice"
    assert AccountNames().account("alice") == "alice"


@pytest.mark.parametrize(
    ("command", "there"),
    [
        (
            ["transfer", "1001", "technician:bob", "comment", "for bob"],
            ["transfer", "1001", "technician:bob-1", "comment", "for bob"],
        ),
        (["transfer", "1001", '"group:Support"'], ["transfer", "1001", '"group:Support-1"']),
        (["invite", "1001", "bob-1"], ["invite", "1001", "bob-1"]),
        (["lead", "1001", "offer", "bob"], ["lead", "1001", "offer", "bob-1"]),
        (["chat", "1001", "bob"], ["chat", "1001", "bob"]),
        (["pin", "bob"], ["pin", "bob"]),
    ],
)
def test_names_in_a_command_are_the_worlds_own(command: list[str], there: list[str]) -> None:
    assert AccountNames(suffix="1").command(command) == there
    assert AccountNames().command(command) == command
