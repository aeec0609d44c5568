"""The wallboard against a real server, real consoles and a customer's computer whose network really goes."""

from __future__ import annotations

import pytest
from wallboard import ApiFailed, Rescue, board

pytestmark = pytest.mark.rescue(api=True)


@pytest.fixture
def rescue(sync_world) -> Rescue:
    user = sync_world.api.user("admin")
    return Rescue(sync_world.api.url, user.email, user.password)


def test_a_cut_cable_and_a_transfer_are_on_the_board(sync_world, rescue) -> None:
    assert board(rescue) == "no calls\nWeb: closed"
    alice, bob = sync_world.technician("alice"), sync_world.technician("bob")
    assert board(rescue) == "no calls\nWeb: open"
    session, pin = alice.pin("Ms Vos")
    computer = sync_world.computer(pin=pin)
    alice.start(session)
    assert board(rescue).splitlines()[0] == f"  {session}  Ms Vos                alice       Active"
    with computer.lan_off():
        sync_world.advance(minutes=1)
        assert "Ms Vos                alice       Reconnecting" in board(rescue)
    alice.sees(session, "Active")
    alice.transfer(session, "technician:bob", comment="please")
    assert board(rescue).count("Transferring to bob") == 2
    bob.start(session)
    assert board(rescue).splitlines()[0].endswith("bob         Active")
    bob.end(session)
    assert board(rescue) == "no calls\nWeb: open"


def test_a_wrong_password_is_told(sync_world) -> None:
    with pytest.raises(ApiFailed, match="INVALID"):
        Rescue(sync_world.api.url, "admin@rescue.test", "wrong")
