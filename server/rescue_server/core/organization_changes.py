"""How each event changes the organization."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from rescue_server.core.details import GroupDetails, PersonDetails
from rescue_server.core.organization import (
    AccountChanged,
    AdministratorAdded,
    AdministratorDeleted,
    AnyOrganizationEvent,
    ApiTokenIssued,
    AuthcodeIssued,
    ChannelAdded,
    ChannelDeleted,
    ChannelServed,
    ConsoleCame,
    ConsoleWent,
    GroupAdded,
    GroupChanged,
    GroupDeleted,
    GroupRenamed,
    JoinCode,
    JoinCodeIssued,
    JoinCodeUsed,
    NodeAdded,
    NodesNumbered,
    Organization,
    PersonChanged,
    PersonRenamed,
    PostSettingsChanged,
    ReportSettingsChanged,
    SecretChanged,
    SettingsChanged,
    TechnicianAdded,
    TechnicianDeleted,
    TechnicianMoved,
)
from rescue_server.settings import SessionSettings

Value = TypeVar("Value")


def apply_change(organization: Organization, event: AnyOrganizationEvent) -> Organization:
    """Return the organization after the event."""
    old = _with_node(organization, event)
    match event:
        case GroupAdded():
            tenants = {**old.tenants, event.name: event.tenant} if event.tenant else old.tenants
            return replace(old, settings={**old.settings, f"group:{event.name}": SessionSettings()}, tenants=tenants)
        case TechnicianAdded(name=name):
            return replace(_without_codes(old, name), technicians={**old.technicians, name: event.group})
        case TechnicianMoved():
            return replace(old, technicians={**old.technicians, event.name: event.group})
        case ChannelAdded():
            return replace(
                old,
                channels={**old.channels, event.name: event.groups},
                settings={**old.settings, f"channel:{event.name}": SessionSettings()},
            )
        case AdministratorAdded(name=name):
            return replace(_without_codes(old, name), administrators=old.administrators | {name})
        case TechnicianDeleted():
            return replace(
                old,
                technicians=dict(_without(old.technicians, event.name)),
                secret_hashes=dict(_without(old.secret_hashes, event.name)),
                join_codes=dict(_without(old.join_codes, event.name)),
                details=dict(_without(old.details, event.name)),
            )
        case GroupDeleted():
            return replace(
                old,
                settings=dict(_without(old.settings, f"group:{event.name}")),
                posting=dict(_without(old.posting, event.name)),
                group_details=dict(_without(old.group_details, event.name)),
                tenants=dict(_without(old.tenants, event.name)),
            )
        case ChannelDeleted():
            return replace(
                old,
                channels=dict(_without(old.channels, event.name)),
                settings=dict(_without(old.settings, f"channel:{event.name}")),
            )
        case NodesNumbered():
            last = max(event.nodes.values(), default=0)
            return replace(old, nodes=event.nodes, next_node=max(old.next_node, last + 1), numbered=True)
        case AuthcodeIssued():
            return _of_live_codes(replace(old, authcodes={**old.authcodes, event.user: event.code_hash}))
        case ReportSettingsChanged(code_hash=code_hash):
            settings = {**old.report_settings.get(code_hash, {}), **event.changes}
            return replace(old, report_settings={**old.report_settings, code_hash: settings})
        case JoinCodeIssued(user=user):
            issued = JoinCode(code_hash=event.code_hash, until=event.until)
            return replace(old, join_codes={**old.join_codes, user: issued})
        case JoinCodeUsed(user=user):
            used = replace(old.join_codes[user], joiner_hash=event.joiner_hash)
            return replace(old, join_codes={**old.join_codes, user: used})
        case SecretChanged():
            return replace(old, secret_hashes={**old.secret_hashes, event.user: event.secret_hash})
        case AdministratorDeleted(name=name):
            return replace(
                old,
                administrators=old.administrators - {name},
                secret_hashes=dict(_without(old.secret_hashes, name)),
                details=dict(_without(old.details, name)),
            )
        case PersonRenamed(name=name, to=to):
            return _with_person_renamed(old, name, to)
        case GroupRenamed(name=name, to=to):
            return _with_group_renamed(old, name, to)
        case ChannelServed(name=name):
            return replace(old, channels={**old.channels, name: event.groups})
        case ApiTokenIssued(user=user):
            tokens = dict(_without(old.api_tokens, user))
            tokens |= {user: event.code_hash} if event.code_hash else {}
            return _of_live_codes(replace(old, api_tokens=tokens))
        case PersonChanged(name=name):
            person = old.details.get(name, PersonDetails()).changed(event.change)
            return replace(old, details={**old.details, name: person})
        case GroupChanged(name=name):
            group = old.group_details.get(name, GroupDetails()).changed(event.change)
            return replace(old, group_details={**old.group_details, name: group})
        case AccountChanged():
            return replace(old, account=old.account.changed(event.change))
        case ConsoleCame():
            return replace(old, present=old.present | {event.technician})
        case ConsoleWent():
            return replace(old, present=old.present - {event.technician})
        case PostSettingsChanged():
            posting = old.posting_of(event.group).changed(event.changes)
            return replace(old, posting={**old.posting, event.group: posting})
        case SettingsChanged():
            changes: dict[str, timedelta | str] = {**event.periods}
            if event.terms is not None:
                changes["terms"] = event.terms
            changed = old.settings_of(event.owner).changed(changes)
            return replace(old, settings={**old.settings, event.owner: changed})


_ADDED = {
    TechnicianAdded: "technician", AdministratorAdded: "administrator", GroupAdded: "group", ChannelAdded: "channel",
}  # fmt: skip
_DELETED = {
    AdministratorDeleted: "administrator", TechnicianDeleted: "technician", GroupDeleted: "group",
    ChannelDeleted: "channel",
}  # fmt: skip


def _with_node(old: Organization, event: AnyOrganizationEvent) -> Organization:
    """Number what is added, and forget the number of what is removed."""
    if isinstance(event, NodeAdded):
        node = event.node or old.next_node
        return replace(
            old,
            nodes={**old.nodes, f"{_ADDED[type(event)]}:{event.name}": node},
            next_node=max(old.next_node, node + 1),
            numbered=old.numbered and bool(event.node),
        )
    if isinstance(event, AdministratorDeleted | TechnicianDeleted | GroupDeleted | ChannelDeleted):
        return replace(old, nodes=dict(_without(old.nodes, f"{_DELETED[type(event)]}:{event.name}")))
    return old


def _without(mapping: Mapping[str, Value], name: str) -> Iterator[tuple[str, Value]]:
    return ((key, value) for key, value in mapping.items() if key != name)


def _without_codes(old: Organization, name: str) -> Organization:
    """Void the codes of somebody else who had this name, and was removed."""
    return _of_live_codes(
        replace(old, authcodes=dict(_without(old.authcodes, name)), api_tokens=dict(_without(old.api_tokens, name)))
    )


def _of_live_codes(new: Organization) -> Organization:
    """Forget the settings of reports that belong to codes that were voided."""
    live = {*new.authcodes.values(), *new.api_tokens.values()}
    if new.report_settings.keys() <= live:
        return new
    return replace(new, report_settings={code: kept for code, kept in new.report_settings.items() if code in live})


def _with_person_renamed(old: Organization, name: str, to: str) -> Organization:
    kind = "technician" if name in old.technicians else "administrator"
    new = _without_codes(old, to)
    return replace(
        new,
        technicians=_renamed(old.technicians, name, to),
        administrators=frozenset(to if each == name else each for each in old.administrators),
        secret_hashes=_renamed(old.secret_hashes, name, to),
        authcodes=_renamed(new.authcodes, name, to),
        api_tokens=_renamed(new.api_tokens, name, to),
        join_codes=_renamed(old.join_codes, name, to),
        details=_renamed(old.details, name, to),
        nodes=_renamed(old.nodes, f"{kind}:{name}", f"{kind}:{to}"),
        former_names={**old.former_names, name: old.nodes[f"{kind}:{name}"]},
    )


def _with_group_renamed(old: Organization, name: str, to: str) -> Organization:
    return replace(
        old,
        technicians={person: to if group == name else group for person, group in old.technicians.items()},
        channels={
            channel: tuple(sorted(to if group == name else group for group in groups))
            for channel, groups in old.channels.items()
        },
        settings=_renamed(old.settings, f"group:{name}", f"group:{to}"),
        posting=_renamed(old.posting, name, to),
        tenants=_renamed(old.tenants, name, to),
        group_details=_renamed(old.group_details, name, to),
        nodes=_renamed(old.nodes, f"group:{name}", f"group:{to}"),
    )


def _renamed(mapping: Mapping[str, Value], name: str, to: str) -> dict[str, Value]:
    return {to if key == name else key: value for key, value in mapping.items()}
