import pytest

from rescue_emulator.testing import CommandRefused, Status, SyncWorld


def test_bob_takes_over_and_alice_cannot_start_again(sync_world: SyncWorld) -> None:
    alice, bob = sync_world.technician("alice"), sync_world.technician("bob")
    created = alice.pin("Ms Vos")
    sync_world.computer(pin=created.pin)
    alice.start(created.session)

    alice.transfer(created.session, "technician:bob", comment="knows the printer")
    bob.sees(created.session, Status.INCOMING)
    alice.sees(created.session, Status.OUTGOING)

    bob.start(created.session)
    bob.sees(created.session, Status.ACTIVE)
    alice.sees(created.session, Status.REMOVED)
    with pytest.raises(CommandRefused, match="NOT_FOUND"):  # it is in bob's queue now, and in no other
        alice.start(created.session)
