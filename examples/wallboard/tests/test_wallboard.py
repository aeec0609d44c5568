"""The wallboard against a real server, a real console and a customer's computer whose network really goes."""

from __future__ import annotations

import json

import pytest
from wallboard import Board


def board_of(technician) -> Board:
    board = Board()
    for event in technician.program.events:
        board.read(json.dumps(event))
    return board


async def test_a_customer_without_a_network_is_on_the_board(world) -> None:
    alice = await world.technician("alice")
    session, pin = await alice.pin("Ms Vos")
    computer = await world.computer(pin=pin)
    await alice.start(session)
    async with computer.lan_off():
        await world.advance(minutes=1)
        await alice.sees(session, "Reconnecting")
        assert board_of(alice).lost() == [session]
    await alice.sees(session, "Active")
    assert str(board_of(alice)) == "Active: 1"


def test_a_call_that_is_over_is_not_on_the_board(sync_world) -> None:
    alice = sync_world.technician("alice")
    session, pin = alice.pin("Ms Vos")
    computer = sync_world.computer(pin=pin)
    alice.start(session)
    computer.close()
    alice.sees(session, "Closed")
    assert str(board_of(alice)) == "Closed: 1"
    alice.end(session)
    alice.sync()
    assert str(board_of(alice)) == "no calls"


@pytest.mark.rescue(speed=60)
def test_the_board_follows_a_running_clock(sync_world) -> None:
    alice = sync_world.technician("alice")
    session, _ = alice.pin("Ms Vos")
    sync_world.set("group:Support", connecting_timeout="1m")
    alice.sees(session, "Removed from TC queue", timeout=30)
    assert str(board_of(alice)) == "no calls"
