"""Translation of the organization and of sessions to the messages that the public API reads."""

from __future__ import annotations

from rescue_protos.v1 import applet_pb2
from rescue_protos.v1 import public_api_pb2 as pb
from rescue_server.core.organization import Organization
from rescue_server.core.session import EndReason, Session
from rescue_server.core.session_accounting import TimeSpent, TransferRecord
from rescue_server.core.session_record import FormerEntry, Left, SessionRecord
from rescue_server.core.status import Link, Role
from rescue_server.rpc import translate

_ROLES: dict[Role, pb.EntryRole.ValueType] = {
    role: pb.EntryRole.Value(f"ENTRY_ROLE_{role.name}") for role in Role if role not in (Role.CLOSED, Role.TIMED_OUT)
}
_LINKS = {link: pb.LinkState.Value(f"LINK_STATE_{link.name}") for link in Link}
_LEFT = {left: pb.EntryLeft.Value(f"ENTRY_LEFT_{left.name}") for left in Left}
_ENDS = {reason: applet_pb2.EndReason.Value(f"END_REASON_{reason.name}") for reason in EndReason}


def account(organization: Organization) -> pb.Account:
    """The organization with its node ids."""
    known = organization.account
    message = pb.Account(
        authcodes=organization.authcodes,
        api_tokens=organization.api_tokens,
        account_id=known.account_id,
        organization_name=known.organization_name,
        field_labels=known.field_labels,
    )
    for code_hash, values in organization.report_settings.items():
        message.report_settings.add(code_hash=code_hash, values=values)
    former: dict[int, list[str]] = {}
    for name, node in organization.former_names.items():
        former.setdefault(node, []).append(name)
    for key, node in sorted(organization.nodes.items(), key=lambda item: item[1]):
        kind, _, name = key.partition(":")
        if kind in ("technician", "administrator"):
            person = organization.person(name)
            message.people.add(
                node=node,
                name=name,
                group=organization.technicians.get(name, ""),
                email=person.email,
                sso_id=person.sso_id,
                nick=person.nick,
                description=person.description,
                enabled=person.enabled,
                former_names=former.get(node, ()),
            )
        elif kind == "group":
            group = organization.group(name)
            message.groups.add(
                node=node,
                name=name,
                description=group.description,
                permissions=group.permissions,
                locked_permissions=group.locked_permissions,
                enabled=group.enabled,
            )
        else:
            message.channels.add(node=node, name=name, groups=organization.channels[name])
    return message


def session(found: Session, record: SessionRecord) -> pb.SessionFacts:
    """One session with its entries, also those that left."""
    message = pb.SessionFacts(
        session=found.id,
        created_at=translate.timestamp(found.created_at),
        link=_LINKS[found.link],
        channel=found.channel,
        fields=[found.customer, *found.fields],
        lead_offered_to=found.lead_offered_to,
        in_queue=bool(found.entries),
        language=found.computer.language,
    )
    if record.started_at is not None:
        message.started_at.CopyFrom(translate.timestamp(record.started_at))
    if found.with_role(Role.OUTGOING):
        message.transferred_to = record.transferred_to.partition(":")[2]
        message.transfer_comment = found.comment
    if found.ended_at is not None:
        message.ended_at.CopyFrom(translate.timestamp(found.ended_at))
        message.end = _end(found)
    for name in sorted(found.entries.keys() | record.former.keys()):
        message.entries.append(_entry(name, found, record.former.get(name)))
    return message


def _entry(technician: str, found: Session, former: FormerEntry | None) -> pb.EntryFacts:
    if former is not None:
        since = translate.timestamp(former.since)
        return pb.EntryFacts(technician=technician, role=_ROLES[former.role], since=since, left=_LEFT[former.left])
    entry = found.entries[technician]
    return pb.EntryFacts(technician=technician, role=_ROLES[entry.role], since=translate.timestamp(entry.since))


def ended(found: Session, record: SessionRecord) -> pb.EndedSession:
    """A session that is over, for reports."""
    account = record.account
    former = record.former.get(account.lead)
    message = pb.EndedSession(
        session=found.id,
        created_at=translate.timestamp(found.created_at),
        end=_end(found),
        last_role=_ROLES[account.last_role],
        dismissed=former is not None and former.left is Left.DISMISSED,
        lead=account.lead,
        creator=found.creator,
        joined=found.joined_at is not None,
        channel=found.channel,
        fields=[found.customer, *found.fields],
        tracking=found.tracking,
        address=found.computer.address,
        platform=found.computer.platform,
        tools=account.tools,
        spent=_spent(account.spent),
        transfers=[_transfer(one, found) for one in account.transfers],
    )
    for name, moment in (
        ("started_at", record.started_at),
        ("ended_at", found.ended_at),
        ("last_action_at", account.last_action_at),
    ):
        if moment is not None:
            getattr(message, name).CopyFrom(translate.timestamp(moment))
    return message


def _end(found: Session) -> applet_pb2.EndReason.ValueType:
    """Why a session is over: after declined terms its time runs out, unless a technician ends it before."""
    if found.end_reason is None:
        return applet_pb2.END_REASON_UNSPECIFIED
    declined = found.declined and found.end_reason is not EndReason.ENDED_BY_TECHNICIAN
    return applet_pb2.END_REASON_TERMS_DECLINED if declined else _ENDS[found.end_reason]


def _spent(spent: TimeSpent) -> pb.TimeSpent:
    return pb.TimeSpent(**{name: translate.duration(getattr(spent, name)) for name in spent.__struct_fields__})


def _transfer(one: TransferRecord, found: Session) -> pb.TransferFacts:
    over_at = one.over_at or found.ended_at or one.at
    return pb.TransferFacts(
        at=translate.timestamp(one.at),
        technician=one.technician,
        source=one.source,
        target=one.target,
        comment=one.comment,
        waited=translate.duration(one.waited),
        picked_up_by=one.to,
        lasted=translate.duration(over_at - one.at),
    )
