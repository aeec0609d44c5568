"""Why something changed: a code and the facts of an event. `rescue_common.causes` makes the sentences."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from rescue_server.core import events
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
    JoinCodeIssued,
    JoinCodeUsed,
    NodesNumbered,
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
from rescue_server.core.posting import setting_name
from rescue_server.core.posts import PostEvent, answer_of
from rescue_server.core.session import Session
from rescue_server.core.status import Link


class Cause(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The code is the event's name, followed by a dot and a variant if the event has several causes.

    `about` is the target, in the words of the contract. `facts` are the names in a change of the organization, those of
    a post, and who had it done through the public API (`through_api`).
    """

    event: str
    code: str
    technician: str = ""
    about: str = ""
    setting: str = ""
    value: timedelta | None = None
    facts: Mapping[str, str] = msgspec.field(default_factory=dict)


_SETTINGS = {
    events.LinkLost: "reconnect-period",
    events.LinkOffline: "offline-period",
    events.ConnectingTimedOut: "connecting-timeout",
    events.WaitingTimedOut: "waiting-timeout",
    events.IdleTimedOut: "idle-timeout",
    events.IdleAlarmRaised: "idle-timeout",
}


def cause_of(before: Session | None, event: events.AnySessionEvent) -> Cause:
    """Return why an event of a session happened. `before` is the session before the event."""
    name, variant = type(event).__name__, _variant(before, event)
    return Cause(
        event=name,
        code=f"{name}.{variant}" if variant else name,
        technician=_who(event),
        about=_about(event),
        setting=_SETTINGS.get(type(event), ""),
        value=getattr(event, "period", None),
        facts=({"through_api": event.by} if event.by else {}) | _post_facts(event),
    )


def _who(event: events.AnySessionEvent) -> str:
    if isinstance(event, events.PostRetried):
        return event.administrator
    return getattr(event, "reset_by", "") or getattr(event, "technician", "")


def _post_facts(event: events.AnySessionEvent) -> dict[str, str]:
    match event:
        case events.PostDue():
            return {"group": event.group}
        case events.PostSent() | events.PostFailed():
            return {"url": event.url, "attempt": str(event.attempt), "answer": answer_of(event)}
        case events.PostGivenUp():
            return {"url": event.url, "attempt": str(event.attempt)}
    return {}


def _variant(before: Session | None, event: events.AnySessionEvent) -> str:
    match event:
        case events.SessionStarted() | events.SessionEnded() | events.EntryDismissed():
            return "reset" if event.reset_by else ""
        case events.SessionCreated() | events.RebootBegan() | events.ChatSent():
            return "" if event.technician else "customer"
        case events.LinkRestored():
            return "rebooted" if before is not None and before.link is Link.REBOOTING else ""
        case events.FocusChanged(focused=focused):
            return "gained" if focused else "lost"
    if isinstance(event, PostEvent):
        return event.kind.value
    return ""


def _about(event: events.AnySessionEvent) -> str:
    match event:
        case events.SessionCreated(channel=channel):
            return channel
        case events.SessionTransferred(target=target):
            return target
        case events.TechnicianInvited(invited=invited):
            return invited
        case events.TechnicianRemoved(removed=removed):
            return removed
        case events.LeadOffered(to=to):
            return to
        case events.ProcessOpened(process=process) | events.ProcessClosed(process=process):
            return process.value
    return ""


def cause_of_change(event: AnyOrganizationEvent) -> Cause:
    """Return what was done to the organization, and by whom."""
    name = type(event).__name__
    return Cause(event=name, code=name, technician=event.by, facts=_facts(event))


def _facts(event: AnyOrganizationEvent) -> dict[str, str]:
    match event:
        case TechnicianAdded(name=name, group=group) | TechnicianMoved(name=name, group=group):
            return {"name": name, "group": group}
        case ChannelAdded(name=name, groups=groups) | ChannelServed(name=name, groups=groups):
            return {"name": name, "groups": ", ".join(groups)}
        case GroupAdded(name=name) | GroupDeleted(name=name) | ChannelDeleted(name=name):
            return {"name": name}
        case AdministratorAdded(name=name) | AdministratorDeleted(name=name) | TechnicianDeleted(name=name):
            return {"name": name}
        case PersonChanged(name=name) | GroupChanged(name=name):
            return {"name": name, "settings": _listed(event.change.given())}
        case AccountChanged():
            return {"settings": _listed(event.change.given())}
        case PersonRenamed(name=name, to=to) | GroupRenamed(name=name, to=to):
            return {"name": name, "to": to}
        case ApiTokenIssued(user=user):
            return {"name": user}
        case ReportSettingsChanged(changes=changes):
            return {"settings": _listed(changes)}
        case SecretChanged(user=user) | AuthcodeIssued(user=user) | JoinCodeIssued(user=user) | JoinCodeUsed(user=user):
            return {"name": user}
        case ConsoleCame(technician=technician) | ConsoleWent(technician=technician):
            return {"name": technician}
        case SettingsChanged(owner=owner, periods=periods, terms=terms):
            names = [name.replace("_", "-") for name in periods] + (["terms"] if terms is not None else [])
            return {"settings": ", ".join(names), "owner": owner}
        case PostSettingsChanged(group=group, changes=changes):
            return {"settings": ", ".join(map(setting_name, changes)), "owner": f"group:{group}"}
        case NodesNumbered():
            return {}


def _listed(change: Mapping[str, object]) -> str:
    return ", ".join(name.replace("_", "-") for name in change)
