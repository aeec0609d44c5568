"""Which changes of the organization a later one stands for: what the journal may do without, and nothing is different.

Of two changes of the same thing with no session's event between them, nobody ever decided anything by the first. A
session that sees the organization sees it as it was: read again, a folded journal says the same of every session.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from rescue_server.core.events import AnySessionEvent
from rescue_server.core.organization import (
    AnyOrganizationEvent,
    OrganizationEvent,
    SecretChanged,
    SettingsChanged,
    TechnicianAdded,
    TechnicianDeleted,
    TechnicianMoved,
)


@dataclass(slots=True)
class Compaction:
    """Hears the journal's events from its beginning; says which go (`dropped`) and which read otherwise (`changed`).

    A settings event that stands for others has their values where it sets none itself; who changed them and when is
    then told of the last one only.
    """

    dropped: set[int] = field(default_factory=set)
    changed: dict[int, AnyOrganizationEvent] = field(default_factory=dict)
    _unseen: dict[tuple[str, str], tuple[int, AnyOrganizationEvent]] = field(default_factory=dict)

    def add(self, revision: int, event: AnySessionEvent | AnyOrganizationEvent) -> None:
        """Take in the next event."""
        if not isinstance(event, OrganizationEvent):
            self._unseen.clear()
            return
        match event:
            case SettingsChanged(owner=owner):
                earlier = self._replace("settings", owner)
                if isinstance(earlier, SettingsChanged):
                    event = self.changed[revision] = _both(earlier, event)
                self._unseen["settings", owner] = revision, event
            case SecretChanged(user=user):
                self._replace("secret", user)
                self._unseen["secret", user] = revision, event
            case TechnicianMoved(name=name):
                self._replace("moved", name)
                self._unseen["moved", name] = revision, event
            case TechnicianAdded(name=name):
                self._unseen["added", name] = revision, event
            case TechnicianDeleted(name=name):
                self._replace("secret", name)
                self._replace("moved", name)
                if self._replace("added", name) is not None:
                    self.dropped.add(revision)  # nobody ever saw him

    def _replace(self, kind: str, name: str) -> AnyOrganizationEvent | None:
        revision, event = self._unseen.pop((kind, name), (0, None))
        if event is not None:
            self.dropped.add(revision)
            self.changed.pop(revision, None)
        return event


def _both(earlier: SettingsChanged, later: SettingsChanged) -> SettingsChanged:
    return msgspec.structs.replace(
        later,
        periods={**earlier.periods, **later.periods},
        terms=earlier.terms if later.terms is None else later.terms,
    )
