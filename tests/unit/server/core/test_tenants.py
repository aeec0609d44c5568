"""Technicians of one tenant know nothing of another, and can do nothing to it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rescue_protos.errors import NotFound, OrganizationRefused
from rescue_server.core.organization import (
    ChannelAdded,
    GroupAdded,
    GroupDeleted,
    Organization,
    TechnicianAdded,
)
from rescue_server.core.organization_changes import apply_change
from rescue_server.core.tenants import require_one_tenant, visible_to

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def organization() -> Organization:
    """Two tenants with the same structure, and a group without one."""
    found = Organization()
    for tenant in ("", "one", "two"):
        found = apply_change(found, GroupAdded(at=NOON, name=f"Support{tenant}", tenant=tenant))
        found = apply_change(found, TechnicianAdded(at=NOON, name=f"ann{tenant}", group=f"Support{tenant}"))
        found = apply_change(found, ChannelAdded(at=NOON, name=f"Web{tenant}", groups=(f"Support{tenant}",)))
    return found


@pytest.mark.parametrize("tenant", ["", "one", "two"])
def test_a_technician_knows_of_their_own_tenant_alone(tenant: str) -> None:
    seen = visible_to(organization(), f"ann{tenant}")
    assert seen.technicians == {f"ann{tenant}": f"Support{tenant}"}
    assert seen.groups == (f"Support{tenant}",)
    assert list(seen.channels) == [f"Web{tenant}"]
    for target in ("technician:ann", "group:Support", "channel:Web"):
        assert seen.members(f"{target}{tenant}") == (f"ann{tenant}",)
        for other in {"", "one", "two"} - {tenant}:
            with pytest.raises(NotFound) as refused:
                seen.members(f"{target}{other}")
            assert str(refused.value).count("ann") <= 2, "it names nobody of another tenant"


def test_without_tenants_everybody_knows_everybody() -> None:
    whole = apply_change(Organization(), GroupAdded(at=NOON, name="Support"))
    assert visible_to(whole, "ann") is whole


def test_a_channel_has_groups_of_one_tenant_and_a_removed_group_has_none() -> None:
    whole = organization()
    require_one_tenant(whole, ["Supportone", "Supportone"])
    with pytest.raises(OrganizationRefused, match="of one tenant"):
        require_one_tenant(whole, ["Supportone", "Supporttwo"])
    assert "Supportone" not in apply_change(whole, GroupDeleted(at=NOON, name="Supportone")).tenants
