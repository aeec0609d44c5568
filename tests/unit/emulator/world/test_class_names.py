"""Names of a class on the server: persons have accounts of other names."""

from __future__ import annotations

from rescue_emulator.world.people import AccountNames

CLASS = AccountNames(suffix="monday-1", persons={"bob": "monday-1a"})


def test_a_person_has_their_own_account_and_colleagues_have_the_suffix() -> None:
    assert CLASS.account("bob") == "monday-1a"
    assert CLASS.account("alice") == "alice-monday-1"
    assert [CLASS.account(CLASS.account(name)) for name in ("alice", "bob")] == ["alice-monday-1", "monday-1a"]
    assert [CLASS.plain(name) for name in ("monday-1a", "alice-monday-1", "Support-monday-1", "other")] == [
        "bob", "alice", "Support", "other",
    ]  # fmt: skip
    assert CLASS.command(["lead", "1001", "offer", "bob"]) == ["lead", "1001", "offer", "monday-1a"]
    assert CLASS.command(["transfer", "1001", "technician:alice"]) == ["transfer", "1001", "technician:alice-monday-1"]


def test_a_text_gets_plain_names_and_nobody_elses_name_is_touched() -> None:
    text = "monday-1a transferred to Support-monday-1; monday-1ab and monday-1 stay"
    assert CLASS.plain_text(text) == "bob transferred to Support; monday-1ab and monday-1 stay"
