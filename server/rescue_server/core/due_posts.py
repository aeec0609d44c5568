"""When a session is to be posted (Post to URL): when somebody becomes lead by Start, and at the end of a session that
had a lead.
"""

from __future__ import annotations

from collections.abc import Callable

from rescue_server.core import events
from rescue_server.core.organization import Organization
from rescue_server.core.posting import PostKind
from rescue_server.core.session import Session
from rescue_server.core.status import Role


def due_post(
    before: Session | None,
    event: events.AnySessionEvent,
    after: Session,
    organization: Organization,
    *,
    new_delivery: Callable[[], str],
) -> events.PostDue | None:
    """Return the post that an event makes due, of the group of the lead; None if there is none."""
    if before is None:
        return None
    kind, technician = _kind(before, event, after)
    group = organization.technicians.get(technician, "")
    if kind is None or not group:
        return None
    settings = organization.posting_of(group)
    if not (settings.start if kind is PostKind.START else settings.end):
        return None
    return events.PostDue(
        session=after.id,
        at=event.at,
        delivery=new_delivery(),
        kind=kind,
        technician=technician,
        group=group,
        node=organization.nodes.get(f"technician:{technician}", 0),
    )


def _kind(before: Session, event: events.AnySessionEvent, after: Session) -> tuple[PostKind | None, str]:
    if isinstance(event, events.SessionStarted):
        begins = before.entries[event.technician].role in (Role.WAITING, Role.INCOMING)
        return (PostKind.START if begins else None), event.technician
    if before.ended_at is None and after.ended_at is not None:
        return PostKind.END, after.last_lead
    return None, ""
