"""What is known of people, groups and the organization beside their names, and what a new name takes along."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rescue_protos.errors import AlreadyExists, InvalidArgument
from rescue_server.core.details import PERMISSIONS, AccountChange, GroupChange, PersonChange
from rescue_server.core.organization import (
    AccountChanged,
    AdministratorAdded,
    AdministratorDeleted,
    AnyOrganizationEvent,
    ApiTokenIssued,
    AuthcodeIssued,
    ChannelAdded,
    ChannelServed,
    GroupAdded,
    GroupChanged,
    GroupRenamed,
    Organization,
    PersonChanged,
    PersonRenamed,
    SecretChanged,
    TechnicianAdded,
    TechnicianDeleted,
)
from rescue_server.core.organization_changes import apply_change

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
FOUNDING: tuple[AnyOrganizationEvent, ...] = (
    GroupAdded(at=NOON, name="Support"),
    TechnicianAdded(at=NOON, name="Ms Vos", group="Support"),
    TechnicianAdded(at=NOON, name="bob", group="Support"),
    ChannelAdded(at=NOON, name="Web", groups=("Support",)),
    AdministratorAdded(at=NOON, name="admin"),
)


def after(*events: AnyOrganizationEvent) -> Organization:
    organization = Organization()
    for event in (*FOUNDING, *events):
        organization = apply_change(organization, event)
    return organization


def test_an_address_and_an_sso_id_follow_from_the_name_until_others_are_set() -> None:
    known = after().person("Ms Vos")
    assert (known.email, known.sso_id, known.enabled) == ("ms.vos@rescue.test", "Ms Vos", True)
    change = PersonChange(email="vos@example.com", nick="V", enabled=False)
    organization = after(PersonChanged(at=NOON, name="Ms Vos", change=change))
    known = organization.person("Ms Vos")
    assert (known.email, known.sso_id, known.nick, known.enabled) == ("vos@example.com", "Ms Vos", "V", False)
    assert not organization.is_enabled("Ms Vos")
    assert organization.is_enabled("bob")
    removed = apply_change(organization, TechnicianDeleted(at=NOON, name="Ms Vos"))
    again = apply_change(removed, TechnicianAdded(at=NOON, name="Ms Vos", group="Support"))
    assert again.person("Ms Vos").email == "ms.vos@rescue.test", "somebody else"


def test_nobody_has_the_address_of_another() -> None:
    organization = after()
    organization.require_own_email("bob", "bob@rescue.test")
    with pytest.raises(AlreadyExists, match="Ms Vos"):
        organization.require_own_email("bob", "MS.Vos@rescue.test")


@pytest.mark.parametrize("email", ["nobody", "@", "a b@c", "a@b@c", "x" * 250 + "@rescue.test"])
def test_what_is_no_address(email: str) -> None:
    with pytest.raises(InvalidArgument):
        PersonChange(email=email).check()


def test_what_is_no_account_detail() -> None:
    for change in (
        AccountChange(account_id=0),
        AccountChange(organization_name=" "),
        AccountChange(field_labels={"6": "x"}),
        AccountChange(field_labels={"0": "a\nb"}),
    ):
        with pytest.raises(InvalidArgument):
            change.check()


def test_a_renamed_person_keeps_everything() -> None:
    organization = after(
        SecretChanged(at=NOON, user="bob", secret_hash="hash"),
        AuthcodeIssued(at=NOON, user="bob", code_hash="code"),
        PersonChanged(at=NOON, name="bob", change=PersonChange(nick="B")),
        PersonRenamed(at=NOON, name="bob", to="rob"),
    )
    assert organization.technicians == {"Ms Vos": "Support", "rob": "Support"}
    assert (organization.secret_hashes, organization.authcodes) == ({"rob": "hash"}, {"rob": "code"})
    assert organization.person("rob").nick == "B"
    assert organization.former_names == {"bob": after().nodes["technician:bob"]}
    assert organization.nodes["technician:rob"] == after().nodes["technician:bob"]
    assert "technician:bob" not in organization.nodes


def test_a_renamed_group_keeps_its_people_channels_and_details() -> None:
    organization = after(
        GroupChanged(at=NOON, name="Support", change=GroupChange(description="d")),
        GroupRenamed(at=NOON, name="Support", to="Help"),
    )
    assert organization.groups == ("Help",)
    assert organization.members("group:Help") == ("Ms Vos", "bob") == organization.members("channel:Web")
    assert (organization.group("Help").description, organization.group("Help").permissions) == ("d", PERMISSIONS)


def test_codes_of_somebody_who_was_removed_are_not_those_of_a_namesake() -> None:
    events: list[AnyOrganizationEvent] = [
        ApiTokenIssued(at=NOON, user="grace", code_hash="token"),
        AdministratorDeleted(at=NOON, name="grace"),
    ]
    gone = after(AdministratorAdded(at=NOON, name="grace"), *events)
    assert gone.api_tokens == {"grace": "token"}
    assert apply_change(gone, TechnicianAdded(at=NOON, name="grace", group="Support")).api_tokens == {}
    renamed = apply_change(gone, PersonRenamed(at=NOON, name="admin", to="grace"))
    assert renamed.api_tokens == {}


def test_a_channel_is_served_by_others_and_the_account_has_labels() -> None:
    organization = after(
        GroupAdded(at=NOON, name="Night"),
        ChannelServed(at=NOON, name="Web", groups=("Night",)),
        AccountChanged(at=NOON, change=AccountChange(field_labels={"0": "Customer"}, account_id=7)),
    )
    assert organization.channels["Web"] == ("Night",)
    assert organization.account.field_labels[:2] == ("Customer", "Custom field 1")
    assert organization.account.account_id == 7
