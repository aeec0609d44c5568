"""Tenants: technician groups that know only each other, on a server that others use, too. Pure.

A group has its tenant from the start. Groups that were given none are together one more tenant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rescue_protos.errors import OrganizationRefused
from rescue_server.core.organization import Organization


def visible_to(organization: Organization, technician: str) -> Organization:
    """Return the part of the organization that a technician knows of."""
    if not organization.tenants:
        return organization
    tenant_of = organization.tenants.get
    own = tenant_of(organization.technicians.get(technician, ""), "")
    channels = {
        name: groups for name, groups in organization.channels.items() if own in {tenant_of(one, "") for one in groups}
    }
    return replace(
        organization,
        technicians={who: group for who, group in organization.technicians.items() if tenant_of(group, "") == own},
        channels=channels,
        settings={
            owner: settings
            for owner, settings in organization.settings.items()
            if _is_visible(owner, own, organization, channels)
        },
    )


def require_one_tenant(organization: Organization, groups: Iterable[str]) -> None:
    """Raise OrganizationRefused if groups that are to serve one channel are of several tenants."""
    if len({organization.tenants.get(group, "") for group in groups}) > 1:
        raise OrganizationRefused("a channel is served by groups of one tenant: these know nothing of each other")


def _is_visible(owner: str, own: str, organization: Organization, channels: Iterable[str]) -> bool:
    kind, _, name = owner.partition(":")
    return name in channels if kind == "channel" else organization.tenants.get(name, "") == own
