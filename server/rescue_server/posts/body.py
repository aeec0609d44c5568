"""The body of a post, as the vendor writes it: fields of a form, or an XML document, with the same names and order."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from rescue_server.core.details import PersonDetails
from rescue_server.core.organization import Organization
from rescue_server.core.posting import PostFormat, PostKind
from rescue_server.posts.facts import PostFacts

CONTENT_TYPES = {
    PostFormat.FORM: "application/x-www-form-urlencoded; charset=utf-8",
    PostFormat.XML: "text/xml; charset=utf-8",
}
_CUSTOM_FIELDS = 6  # the first is the customer's name
_SURVEY_FIELDS = 10
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedTechnician:
    """The technician whom a post names. Only the name is known of one who was removed."""

    name: str
    node: str = ""
    details: PersonDetails = field(default_factory=PersonDetails)


def posted_technician(organization: Organization, name: str, node: int) -> PostedTechnician:
    """Return a technician as the organization knows them now: by their node, as they may have been renamed."""
    name = name_now(organization, name, node)
    if name not in organization.technicians:
        return PostedTechnician(name=name)
    node = organization.nodes[f"technician:{name}"]
    return PostedTechnician(name=name, node=str(node), details=organization.person(name))


def name_now(organization: Organization, name: str, node: int) -> str:
    """Return what a technician is called now; the name that they had if they were removed."""
    found = (key for key, other in organization.nodes.items() if other == node and key.startswith("technician:"))
    return next(found, f"technician:{name}").removeprefix("technician:")


def fields_of(facts: PostFacts, technician: PostedTechnician) -> list[tuple[str, str]]:
    """Return the names and values of a post. What is not known yet is empty."""
    session, account = facts.session, facts.record.account
    is_end = facts.kind is PostKind.END
    custom = [session.customer, *session.fields]
    custom += [""] * (_CUSTOM_FIELDS - len(custom))
    return [
        ("SessionID", session.id),
        ("TechID", technician.node),
        ("TechSSOID", technician.details.sso_id),
        ("TechName", technician.name),
        ("TechEmail", technician.details.email),
        ("TechDescr", technician.details.description),
        *((f"CField{number}", value) for number, value in enumerate(custom)),
        ("Tracking0", session.tracking),
        ("ChatLog", facts.chat),
        ("Notes", facts.notes),
        ("WaitingTime", _seconds(account.spent.waiting)),
        ("PickupTime", _moment(facts.record.started_at)),
        ("ClosingTime", _moment(session.ended_at)),
        ("WorkTime", _seconds(account.spent.work) if is_end else ""),
        ("LastActionTime", _moment(account.last_action_at) if is_end else ""),
        ("Transmitted", "0"),
        ("Platform", session.computer.platform),
        *((f"TSurvey{number}", "") for number in range(_SURVEY_FIELDS)),
    ]


def body_of(fields: list[tuple[str, str]], form: PostFormat) -> bytes:
    """Return the bytes of a post."""
    if form is PostFormat.FORM:
        return urlencode(fields).encode()
    elements = "".join(f"<{name.lower()}>{_in_xml(value)}</{name.lower()}>" for name, value in fields)
    return f'<?xml version="1.0" encoding="utf-8"?><session>{elements}</session>'.encode()


def _in_xml(value: str) -> str:
    """Return a value for XML, which has no place for most control characters."""
    return escape(_NOT_IN_XML.sub("\ufffd", value))


def _seconds(period: timedelta) -> str:
    return str(int(period.total_seconds()))


def _moment(at: datetime | None) -> str:
    """Return `M/D/YYYY h:mm:ss AM`, in UTC."""
    if at is None:
        return ""
    return f"{at.month}/{at.day}/{at.year} {at.hour % 12 or 12}:{at:%M:%S} {'AM' if at.hour < 12 else 'PM'}"
