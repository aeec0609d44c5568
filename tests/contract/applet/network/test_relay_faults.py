"""Each fault of the relay, with real sockets."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from random import Random
from types import ModuleType

import pytest

from rescue_applet.faults import flap, half_open, loss, off, reset
from rescue_applet.network import relay
from rescue_applet.network.condition import RESEND_AFTER, SOUND, Condition
from rescue_common.lan_notation import Direction, Flap, Loss, RandomLoss, parse_lan_fault
from tests.contract.applet.network.conftest import Talk, Wire

UP, DOWN = (loss.affect(Loss(way), SOUND) for way in (Direction.UP, Direction.DOWN))


async def test_what_goes_up_is_lost_and_what_goes_down_arrives(wire: Wire, talk: Talk) -> None:
    near, far = await wire.connected()
    wire.relay.apply(UP)
    await talk.send(near, b"up")
    await talk.send(far, b"down")
    assert await talk.receive(near, 4) == b"down"
    assert await talk.stays_silent(far)
    wire.relay.apply(SOUND)
    assert await talk.receive(far, 2) == b"up"


async def test_what_goes_down_is_lost_and_what_goes_up_arrives(wire: Wire, talk: Talk) -> None:
    near, far = await wire.connected()
    wire.relay.apply(DOWN)
    await talk.send(near, b"up")
    await talk.send(far, b"down")
    assert await talk.receive(far, 2) == b"up"
    assert await talk.stays_silent(near)
    wire.relay.apply(SOUND)
    assert await talk.receive(near, 4) == b"down"


@pytest.mark.parametrize("condition", [UP, DOWN])
async def test_no_connection_is_made_while_one_direction_is_lost(wire: Wire, talk: Talk, condition: Condition) -> None:
    wire.relay.apply(condition)
    near = await wire.dial()
    await talk.send(near, b"hello")
    assert await wire.nobody_calls()
    wire.relay.apply(SOUND)
    assert await talk.receive(await wire.accept(), 5) == b"hello"


async def test_power_that_is_lost_while_nothing_goes_up_takes_back_what_was_said(wire: Wire, talk: Talk) -> None:
    near, far = await wire.connected()
    wire.relay.apply(UP)
    await talk.send(near, b"I go down")
    wire.relay.power_lost()
    assert await talk.stays_silent(far)
    wire.relay.apply(SOUND)
    assert await talk.receive(far, 1) == b""


async def test_a_delay_holds_everything_up_each_way_and_keeps_the_order(wire: Wire, talk: Talk) -> None:
    near, far = await wire.connected()
    wire.relay.apply(replace(SOUND, delay=0.3))
    started = asyncio.get_running_loop().time()
    for part in (b"one ", b"two ", b"three"):
        await talk.send(near, part)
    await talk.send(far, b"back")
    assert await talk.receive(far, 13) == b"one two three"
    assert await talk.receive(near, 4) == b"back"
    assert asyncio.get_running_loop().time() - started >= 0.3


async def test_a_delayed_close_comes_after_the_last_words(wire: Wire, talk: Talk) -> None:
    near, far = await wire.connected()
    wire.relay.apply(replace(SOUND, delay=0.2))
    await talk.send(near, b"last words")
    near.close()
    assert await talk.receive(far, 100) == b"last words"


async def test_what_is_on_its_way_when_the_cable_goes_off_waits_for_its_return(wire: Wire, talk: Talk) -> None:
    near, far = await wire.connected()
    late = replace(SOUND, delay=0.1)
    wire.relay.apply(late)
    await talk.send(near, b"on its way")
    await asyncio.sleep(0.02)
    wire.relay.apply(off.affect(late))
    assert await talk.stays_silent(far)
    wire.relay.apply(late)
    assert await talk.receive(far, 10) == b"on its way"


async def test_lost_segments_come_later_and_in_order(wire: Wire, talk: Talk) -> None:
    near, far = await wire.connected()
    wire.relay.apply(loss.affect(RandomLoss(40), replace(SOUND, seed=3)))
    said = [f"segment {number}; ".encode() for number in range(8)]
    for part in said:
        await talk.send(near, part)
        await asyncio.sleep(0.005)
    assert await talk.receive(far, len(b"".join(said))) == b"".join(said)


def test_the_seed_decides_which_segments_are_lost() -> None:
    def luck(seed: int, name: str) -> list[float]:
        random = Random(f"{seed} {name}")
        return [Condition(loss=0.3).lateness(random) for _ in range(50)]

    assert luck(7, "1 up") == luck(7, "1 up")
    assert luck(7, "1 up") != luck(8, "1 up")
    assert luck(7, "1 up") != luck(7, "1 down")
    assert {0.0, RESEND_AFTER} <= set(luck(7, "1 up"))


def test_the_seed_decides_how_long_a_flap_takes() -> None:
    fault = parse_lan_fault("flap 1s..5s/2s ×20")
    assert isinstance(fault, Flap)

    def turns(seed: int) -> list[float]:
        return [away.total_seconds() for away, _ in flap.turns(fault, Random(f"{seed} {fault}"))]

    assert turns(1) == turns(1) != turns(2)
    assert len(turns(1)) == 20
    assert all(1 <= away <= 5 for away in turns(1))


async def test_half_open_connections_are_silent_for_ever_and_new_ones_work(wire: Wire, talk: Talk) -> None:
    near, far = await wire.connected()
    half_open.apply(wire.relay)
    await talk.send(near, b"anybody there?")
    await talk.send(far, b"hello?")
    assert await talk.stays_silent(near)
    assert await talk.stays_silent(far)
    near.close()
    assert await talk.stays_silent(far), "the close of one end does not reach the other"
    other, its_far = await wire.connected()
    await talk.send(other, b"new")
    assert await talk.receive(its_far, 3) == b"new"


async def test_a_half_open_connection_leaves_nothing_behind_once_both_ends_have_closed(wire: Wire, talk: Talk) -> None:
    near, far = await wire.connected()
    half_open.apply(wire.relay)
    near.close()
    far.close()
    async with asyncio.timeout(10):
        while wire.relay._connections:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


async def test_a_reset_reaches_both_ends_and_new_connections_work(wire: Wire, talk: Talk) -> None:
    near, far = await wire.connected()
    reset.apply(wire.relay)
    for end in (near, far):
        with pytest.raises(ConnectionResetError):
            await talk.receive(end, 1)
    other, its_far = await wire.connected()
    await talk.send(its_far, b"new")
    assert await talk.receive(other, 3) == b"new"


@pytest.mark.parametrize("fault", [half_open, reset])
async def test_who_is_being_dialled_is_struck_as_well(
    wire: Wire, talk: Talk, monkeypatch: pytest.MonkeyPatch, fault: ModuleType
) -> None:
    connect, known = relay._connect, asyncio.Event()

    async def slow(address: str) -> socket.socket:
        far = await connect(address)
        await known.wait()
        return far

    monkeypatch.setattr(relay, "_connect", slow)
    near, far = await wire.connected()  # so says the server; the relay does not know yet
    fault.apply(wire.relay)
    known.set()
    if fault is half_open:
        await talk.send(far, b"hello?")
        assert await talk.stays_silent(near)
        assert await talk.stays_silent(far)
    else:
        for end in (near, far):
            with pytest.raises(ConnectionResetError):
                await talk.receive(end, 1)


async def test_a_torrent_through_a_delay_loses_no_byte(wire: Wire, talk: Talk) -> None:
    near, far = await wire.connected()
    wire.relay.apply(replace(SOUND, delay=0.01, jitter=0.01, seed=1))
    torrent = bytes(range(256)) * 40_000
    sending = asyncio.create_task(talk.send(near, torrent))
    assert await talk.receive(far, len(torrent)) == torrent
    await sending
