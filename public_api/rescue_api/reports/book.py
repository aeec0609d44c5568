"""How a report writes what its rows are made of: moments in its time zone, and who and what names stand for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rescue_api import times
from rescue_api.nodes import NodeDirectory
from rescue_api.reports.settings import ReportSettings
from rescue_api.statuses import end_status
from rescue_client.api_records import EndedSession, Facts

_TYPE = "Applet on Desktop"
_TOOLS = {
    "remote-control": "RC",
    "screen-sharing": "SS",
    "file-manager": "FM",
    "file-transfer": "FT",
    "calling-card": "CC",
    "reboot": "RB",
}
_CUSTOM_FIELDS = 6
Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportBook:
    """What one report writes with."""

    settings: ReportSettings
    directory: NodeDirectory
    group_nodes: dict[str, int]

    @classmethod
    def of(cls, facts: Facts, settings: ReportSettings) -> ReportBook:
        """Return the book of one report."""
        return cls(settings, NodeDirectory.of(facts), {group.name: group.node for group in facts.account.groups})

    def moment(self, at: datetime | None) -> str:
        """Write a moment; empty without one."""
        return "" if at is None else times.second(self.settings.local(at), day_first=self.settings.day_first)

    def day(self, at: datetime) -> str:
        """Write the day of a moment that is in the zone already."""
        return times.day(at, day_first=self.settings.day_first)

    def person_node(self, name: str) -> str:
        """Write a person's number; empty for nobody."""
        return str(self.directory.person_node(name)) if name else ""

    def email(self, name: str) -> str:
        """Write a person's e-mail address."""
        person = self.directory.people.get(name)
        return person.email if person else ""

    def group(self, name: str) -> str:
        """Write a technician's group."""
        person = self.directory.people.get(name)
        return person.group if person else ""

    def group_node(self, group: str) -> str:
        """Write a group's number."""
        return str(self.group_nodes.get(group, "")) if group else ""

    def channel_node(self, name: str) -> str:
        """Write a channel's number; empty without a channel."""
        channel = self.directory.channels.get(name)
        return str(channel.node) if channel else ""

    def fields(self, session: EndedSession) -> Cells:
        """Write the name and custom fields 1 to 5."""
        return (*session.fields, *("",) * _CUSTOM_FIELDS)[:_CUSTOM_FIELDS]

    def status(self, session: EndedSession) -> str:
        """Write the status at the end."""
        was_active = session.started_at is not None
        return end_status(session.end, session.last_role, was_active=was_active, dismissed=session.dismissed).words

    def session_type(self) -> str:
        """Write the type, which every session has."""
        return _TYPE

    def tools(self, session: EndedSession) -> str:
        """Write the tools that were used, in the order of first use."""
        return ",".join(_TOOLS[tool] for tool in session.tools if tool in _TOOLS)
