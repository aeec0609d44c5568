"""What belongs to one world: its people, what it changed on the server, and its timeline.

A world on an external server is a guest there: it removes and restores at its end what is written down here. Names
are those on the server.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rescue_client.clock import ClockReading
from rescue_emulator.world.people import AccountNames
from rescue_emulator.world.timeline import Timeline


@dataclass(slots=True, kw_only=True)
class Belongings:
    """The belongings of one world. `is_guest`: its server is external, so the world leaves nothing behind there.

    `outlasts`: its people, groups and channels were there before it, and stay.

    `settings`, by owner, and `pace` are from before the world changed them; `changed` has the settings as they are now.
    """

    names: AccountNames = field(default_factory=AccountNames)
    timeline: Timeline = field(default_factory=Timeline)
    is_guest: bool = False
    outlasts: bool = False
    secrets: dict[str, str] = field(default_factory=dict)
    technicians: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    rules: list[int] = field(default_factory=list)
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    changed: dict[str, dict[str, str]] = field(default_factory=dict)
    pace: ClockReading | None = None

    @property
    def shares(self) -> bool:
        """Whether the world has people of its own on a server that others use too."""
        return bool(self.names.suffix)

    def plain_list(self, names: Iterable[str]) -> str:
        """Return what there is, in a test's own names."""
        return "there are: " + ", ".join(sorted(map(self.names.plain, names)))
