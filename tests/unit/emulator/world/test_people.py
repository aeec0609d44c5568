"""The organization that a world expects is the one that the server creates."""

from __future__ import annotations

import tomllib

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
