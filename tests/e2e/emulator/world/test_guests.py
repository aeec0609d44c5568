"""Worlds on a shared server: each means its own people, strikes nobody else, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from rescue_emulator.scenarios.player import Player
from rescue_emulator.scenarios.reader import read_file
from rescue_emulator.scenarios.stage import Stage
from rescue_emulator.testing import NotOwner, NotSeen, Status, World
from rescue_protos.errors import InvalidArgument, NotFound

STORY = """\
title: Two of one world
settings:
  group:Support: {idle-timeout: 1m}
steps:
  - admin: 'fault add when any becomes Incoming for bob: lan off'
  - alice: pin
  - customer: run applet
  - alice: start
  - alice: transfer technician:bob
  - clock: advance 1m
  - bob: sees Reconnecting
"""


@pytest.fixture
async def host() -> AsyncIterator[World]:
    """The world that owns the server."""
    async with World() as found:
        yield found


@pytest.fixture
async def guest(host: World) -> AsyncIterator[World]:
    async with host.share() as found:
        yield found


async def waiting(world: World) -> str:
    """Let a customer of the world's alice join; return the session."""
    alice = await world.technician("alice")
    session, pin = await alice.pin("Ms Vos")
    await world.computer(pin=pin)
    await alice.sees(session, Status.WAITING)
    return session


async def everything(host: World) -> tuple[object, ...]:
    """What a server has that can be left behind."""
    found = await host.admin.organization()
    return found.groups, found.channels, await host.faults.all(), (await host.clock.show()).paused


async def test_a_world_leaves_nothing_behind(host: World) -> None:
    before = await everything(host)
    async with host.share() as guest:
        await guest.set("group:Support", idle_timeout="1m")
        await guest.admin.add_group("Night")
        await guest.admin.add_technician("erin", group="Night")
        await guest.admin.add_channel("Phone", groups=["Night"])
        await guest.faults.add("when any becomes Active for erin: lan off")
        await guest.clock.set_speed(2)
        session = await waiting(guest)
        alice, bob = guest.technicians[0], await guest.technician("bob")
        await alice.start(session)
        await alice.command(f"transfer {session} technician:bob")  # Incoming cannot be ended at once
        await bob.sees(session, Status.INCOMING)
        await alice.pin("nobody comes")
        await guest.computer(channel="Phone")  # no console shows this session
        assert await everything(host) != before
    assert await everything(host) == before


async def test_rules_of_one_world_strike_no_other(host: World, guest: World) -> None:
    async with host.share() as other:
        await other.faults.add("fail next 9 StartSession with INTERNAL")
        session = await waiting(guest)
        await guest.technicians[0].start(session)
        await guest.technicians[0].sees(session, Status.ACTIVE)
        assert await guest.faults.all() == []
        assert await guest.faults.clear() == 0
        (rule,) = await other.faults.all()
        assert (rule.left, rule.technicians) == (9, ())


async def test_a_rule_for_any_session_waits_for_one_of_its_own_world(host: World, guest: World) -> None:
    async with host.share() as other:
        await other.faults.add("when any becomes Waiting: lan off")
        session = await waiting(guest)
        await guest.technicians[0].start(session)
        (rule,) = await other.faults.all()
        assert rule.fired_at is None
        alice = await other.technician("alice")
        own, pin = await alice.pin("Mr Bos")
        await other.computer(pin=pin, wait=False)
        await alice.sees(own, Status.WAITING)
        (rule,) = await other.faults.all()
        assert rule.fired_at is not None


async def test_names_mean_the_worlds_own_people(guest: World) -> None:
    rule = await guest.faults.add("when any becomes Active for alice: lan off")
    assert rule.text == "when any becomes Active for alice: lan off"
    session = await waiting(guest)
    alice = guest.technicians[0]
    await alice.start(session)
    (rule,) = await guest.faults.all()
    assert rule.fired_at is not None
    (entry,) = await alice.queue()
    assert [one.technician for one in entry.participants] == ["alice"]
    assert "alice" not in (await guest.set("group:Support", terms="x")).terms
    assert {group.name: group.technicians for group in (await guest.admin.organization()).groups} == {
        "Support": ("alice", "bob", "carol"),
        "Network": ("dave",),
    }


@pytest.mark.parametrize(
    "text", ["when any becomes Active for alicia: lan off", "fail next StartSession of alicia with INTERNAL"]
)
async def test_a_rule_that_names_nobody_is_refused(host: World, guest: World, text: str) -> None:
    with pytest.raises(NotFound, match=r"'alicia': there are: alice, bob, carol, dave$"):
        await guest.faults.add(text)
    with pytest.raises(NotFound, match="'alicia': there are: "):
        await host.faults.add(text)


async def test_what_does_not_exist_is_said_in_the_worlds_own_names(guest: World) -> None:
    with pytest.raises(NotFound, match=r"no group 'Suport': there are: Network, Support$"):
        await guest.set("group:Suport", idle_timeout="1m")
    with pytest.raises(NotFound, match=r"no technician 'alicia': there are: alice, bob, carol, dave$"):
        await guest.admin.move_technician("alicia", group="Network")


async def test_a_rule_that_would_concern_everybody_needs_a_server_of_its_own(guest: World) -> None:
    with pytest.raises(InvalidArgument, match="a server of its own"):
        await guest.faults.add("fail next AddGroup with INTERNAL")


async def test_a_guest_does_not_reset_everybodys_sessions(guest: World) -> None:
    with pytest.raises(NotOwner):
        await guest.admin.reset_sessions()


async def test_settings_are_those_of_the_worlds_own_groups(host: World, guest: World) -> None:
    found = await guest.set("group:Support", idle_timeout="1m")
    assert found.periods["idle-timeout"] == timedelta(minutes=1)
    (support,) = (group for group in (await host.admin.organization()).groups if group.name == "Support")
    assert support.settings.periods["idle-timeout"] != timedelta(minutes=1)


async def test_a_technician_who_does_not_exist_is_said_with_those_who_do(host: World, guest: World) -> None:
    with pytest.raises(NotFound, match=r"'alicia': there are: alice, bob, carol, dave$"):
        await guest.technician("alicia")
    with pytest.raises(NotFound, match=r"'alicia': there are: alice"):
        await host.technician("alicia")


async def test_what_was_not_seen_tells_the_rules_that_never_fired(guest: World) -> None:
    alice = await guest.technician("alice")
    session, _ = await alice.pin()
    await guest.faults.add(f"when {session} becomes Active for alice: lan off")
    with pytest.raises(
        NotSeen, match=f"fault rule 1, armed and never fired: when {session} becomes Active for alice: lan off"
    ):
        await alice.sees(session, Status.RECONNECTING, timeout=0.1)


async def test_a_scenario_means_the_worlds_own_people(guest: World, tmp_path: Path) -> None:
    story = tmp_path / "story.yaml"
    story.write_text(STORY, encoding="utf-8")
    stage = await Stage.build(guest, lang="en")
    player = Player(stage)
    played = await player.play(read_file(story)[0])
    assert played.deviations == (), played.details
    await player.clear()
    assert await guest.faults.all() == []


async def test_a_visitor_without_people_of_its_own_restores_what_it_changed(host: World) -> None:
    before = await everything(host)
    alice = await host.technician("alice")
    kept, _ = await alice.pin("the host's own")
    async with World.external(server=host.address, data=host.data, share=False) as visitor:
        await visitor.set("group:Support", idle_timeout="1m", terms="none")
        await visitor.admin.add_technician("erin", group="Support")
        await visitor.faults.add("when any becomes Active: lan off")
        session = await waiting(visitor)
        await alice.sees(session, Status.WAITING)
        assert await everything(host) != before
    assert await everything(host) == before
    await alice.sees(session, Status.REMOVED)
    assert alice.status(kept) is Status.CONNECTING
