"""Which changes of the organization the journal does not need any more, because a later change replaces them.

Of two changes of the same thing, the first is not needed if no session's event lies between them: no decision was made
while it held. Each session's event still finds the organization as it was, so a compacted journal replays to the same
sessions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from rescue_server.core.events import AnySessionEvent
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
    NodeAdded,
    OrganizationEvent,
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


@dataclass(slots=True)
class Compaction:
    """Reads the journal's events from its beginning. Finds which to drop (`dropped`) and which to rewrite (`changed`).

    A settings event that replaces earlier ones takes over their values, except those that it sets itself. The journal
    then says only who changed the last of them, and when.
    """

    dropped: set[int] = field(default_factory=set)
    changed: dict[int, AnyOrganizationEvent] = field(default_factory=dict)
    _unneeded: set[int] = field(default_factory=set)
    """What is dropped if a higher node id is stored next."""
    _present: dict[str, int] = field(default_factory=dict)
    """When the consoles came that did not go yet."""
    _unseen: dict[tuple[str, str], tuple[int, AnyOrganizationEvent]] = field(default_factory=dict)

    def add(self, revision: int, event: AnySessionEvent | AnyOrganizationEvent) -> None:
        """Add the next event of the journal."""
        if not isinstance(event, OrganizationEvent):
            self._unseen.clear()
            self._unneeded.clear()
            return
        if isinstance(event, NodeAdded) and event.node:
            # The highest node id is remembered by what has it: no number may be given out twice.
            self.dropped |= self._unneeded
            self._unneeded.clear()
        match event:
            case SettingsChanged(owner=owner):
                earlier = self._replace("settings", owner)
                if isinstance(earlier, SettingsChanged):
                    event = self.changed[revision] = _both(earlier, event)
                self._unseen["settings", owner] = revision, event
            case PostSettingsChanged(group=group):
                earlier = self._replace("posting", group)
                if isinstance(earlier, PostSettingsChanged):
                    both = {**earlier.changes, **event.changes}
                    event = self.changed[revision] = msgspec.structs.replace(event, changes=both)
                self._unseen["posting", group] = revision, event
            case PersonRenamed() | GroupRenamed():
                # What came before has the former name: nothing of it is compared with what follows.
                self._unseen.clear()
            case PersonChanged(name=name) | GroupChanged(name=name):
                kind = "person" if isinstance(event, PersonChanged) else "group"
                self._merge(revision, kind, name, event)
            case AccountChanged():
                self._merge(revision, "account", "", event)
            case ChannelServed(name=name):
                self._replace("served", name)
                self._unseen["served", name] = revision, event
            case ApiTokenIssued(user=user):
                self._replace("token", user)
                self._unseen["token", user] = revision, event
            case AdministratorAdded(name=name):
                self._unseen["added", f"administrator:{name}"] = revision, event
            case AdministratorDeleted(name=name):
                self._replace("secret", name)
                self._replace("person", name)
                self._delete(revision, f"administrator:{name}")
            case ConsoleCame(technician=technician):
                self._present[technician] = revision
            case ConsoleWent(technician=technician) if technician in self._present:
                # No decision depends on who was there.
                self.dropped |= {self._present.pop(technician), revision}
            case SecretChanged(user=user):
                self._replace("secret", user)
                self._unseen["secret", user] = revision, event
            case AuthcodeIssued(user=user):
                former = self._replace("authcode", user)
                if isinstance(former, AuthcodeIssued):
                    self._replace("report settings", former.code_hash)
                self._unseen["authcode", user] = revision, event
            case ReportSettingsChanged(code_hash=code_hash):
                known = self._replace("report settings", code_hash)
                if isinstance(known, ReportSettingsChanged):
                    both = {**known.changes, **event.changes}
                    event = self.changed[revision] = msgspec.structs.replace(event, changes=both)
                self._unseen["report settings", code_hash] = revision, event
            case JoinCodeIssued(user=user):
                self._replace("join code", user)
                self._replace("joined", user)
                self._unseen["join code", user] = revision, event
            case JoinCodeUsed(user=user):
                self._unseen["joined", user] = revision, event
            case TechnicianMoved(name=name):
                self._replace("moved", name)
                self._unseen["moved", name] = revision, event
            case TechnicianAdded(name=name):
                self._unseen["added", name] = revision, event
            case GroupAdded(name=name):
                self._unseen["added", f"group:{name}"] = revision, event
            case ChannelAdded(name=name):
                self._unseen["added", f"channel:{name}"] = revision, event
            case GroupDeleted(name=name):
                self._replace("posting", name)
                self._replace("group", name)
                self._delete_owner(revision, f"group:{name}")
            case ChannelDeleted(name=name):
                self._replace("served", name)
                self._delete_owner(revision, f"channel:{name}")
            case TechnicianDeleted(name=name):
                self._replace("secret", name)
                self._replace("moved", name)
                self._replace("person", name)
                self._replace("join code", name)
                self._replace("joined", name)
                self._delete(revision, name)

    def _merge(self, revision: int, kind: str, name: str, event: PersonChanged | GroupChanged | AccountChanged) -> None:
        """Let a change of details take over the values of the one before it."""
        earlier = self._replace(kind, name)
        if isinstance(earlier, PersonChanged | GroupChanged | AccountChanged):
            given = {**earlier.change.given(), **event.change.given()}
            if labels := (_labels(earlier) | _labels(event)):
                given["field_labels"] = labels
            event = msgspec.structs.replace(event, change=type(event.change)(**given))
            self.changed[revision] = event
        self._unseen[kind, name] = revision, event

    def _delete_owner(self, revision: int, owner: str) -> None:
        self._replace("settings", owner)
        self._delete(revision, owner)

    def _delete(self, revision: int, added: str) -> None:
        """Nobody needs what was added and removed before a session's event could find it, but its number."""
        first, event = self._unseen.pop(("added", added), (0, None))
        if event is not None:
            # Without a node id in the event all of them were numbered later, by one event of their own.
            numbered = isinstance(event, NodeAdded) and event.node
            (self._unneeded if numbered else self.dropped).update({first, revision})

    def _replace(self, kind: str, name: str) -> AnyOrganizationEvent | None:
        revision, event = self._unseen.pop((kind, name), (0, None))
        if event is not None:
            self.dropped.add(revision)
            self.changed.pop(revision, None)
        return event


def _labels(event: AnyOrganizationEvent) -> dict[str, str]:
    return (event.change.field_labels or {}) if isinstance(event, AccountChanged) else {}


def _both(earlier: SettingsChanged, later: SettingsChanged) -> SettingsChanged:
    return msgspec.structs.replace(
        later,
        periods={**earlier.periods, **later.periods},
        terms=earlier.terms if later.terms is None else later.terms,
    )
