"""A class as data: its people, their groups, and the names that all of this has on the server. Pure.

Each group of a class is an organization of its own, with the names of an ordinary one and the group's name behind them:
`Support-monday-1`, `Web-monday-1`. Its people are technicians of `Support`. The colleagues alice to dave are accounts
without a person: exercises play them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit

from rescue_common.hosts import is_anywhere, is_loopback
from rescue_emulator.exercises.progress import check_person
from rescue_emulator.world.people import CHANNELS, GROUPS, AccountNames

MOST_PEOPLE = 100
LARGEST_GROUP = 26  # each person of a group has a letter
HOME = "Support"
"""The technician group that people belong to, in its plain name."""
CHANNEL = "Web"
"""The channel of a group, in its plain name."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,23}")


class BadClass(ValueError):
    """What was asked for cannot be a class; the message says what can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person of a class: their technician on the server, and the code with which they join (empty: not made yet)."""

    person: str
    account: str
    group: str
    code: str = field(default="", repr=False)
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Classroom:
    """A class. `secrets` are those of all its technicians, people and colleagues; they are for the trainer alone.

    `server` and `web` are where people find it; `web` is empty without pages. `is_ready` is False until everything is
    made on the server.
    """

    name: str
    members: tuple[Member, ...]
    server: str = ""
    web: str = ""
    is_ready: bool = False
    secrets: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of its groups, in order."""
        return tuple(dict.fromkeys(member.group for member in self.members))

    def members_of(self, group: str) -> tuple[Member, ...]:
        """Return the people of one group."""
        return tuple(member for member in self.members if member.group == group)

    def member(self, who: str) -> Member:
        """Return a member by person or account. Raises BadClass."""
        found = [member for member in self.members if who in (member.person, member.account)]
        if not found:
            there = ", ".join(member.person for member in self.members)
            raise BadClass(f"{who!r} is not in class {self.name}: there are {there}")
        return found[0]

    def with_member(self, changed: Member) -> Classroom:
        """Return the class with one member changed."""
        members = tuple(changed if member.account == changed.account else member for member in self.members)
        return replace(self, members=members)


def plan(name: str, *, people: Sequence[str] | int, group_size: int = 1, server: str = "", web: str = "") -> Classroom:
    """Return a class that is not made yet. `people` are names, or only how many there are. Raises BadClass."""
    if not _NAME.fullmatch(name):
        raise BadClass(f"{name!r} is no name of a class: up to 24 small letters, digits and hyphens, like monday")
    count = people if isinstance(people, int) else len(people)
    if not 1 <= count <= MOST_PEOPLE:
        raise BadClass(f"a class has 1 to {MOST_PEOPLE} people, not {count}")
    if not 1 <= group_size <= LARGEST_GROUP:
        raise BadClass(f"a group has 1 to {LARGEST_GROUP} people, not {group_size}")
    check_web(web)
    places = [_place(name, number, count, group_size) for number in range(count)]
    persons = [account for account, _ in places] if isinstance(people, int) else people
    for person in persons:
        check_person(person)
    if len(set(persons)) < len(persons):
        raise BadClass("two people of a class need different names: scores are kept by name")
    members = (
        Member(person=person, account=account, group=group)
        for person, (account, group) in zip(persons, places, strict=True)
    )
    return Classroom(name=name, members=tuple(members), server=server, web=web.rstrip("/"))


def check_web(web: str) -> None:
    """Raise BadClass if this is no address of pages that people can open; empty is none."""
    if not web:
        return
    try:
        url = urlsplit(web)
        is_url, host = url.scheme in ("http", "https") and url.port != 0, url.hostname or ""
    except ValueError:
        is_url, host = False, ""
    if not is_url or not host:
        raise BadClass(f"{web!r} is no address of pages, such as http://10.0.0.5:8080")
    if is_anywhere(host):
        raise BadClass(f"people cannot open {web}: write the address of this machine, such as http://10.0.0.5:8080")


def for_terminals(server: str, web: str) -> str:
    """Return where people's terminals find the server.

    An address that is of use on this machine alone gets the host at which people find the pages, if that is another.
    """
    host, _, port = server.rpartition(":")
    there = urlsplit(web).hostname or ""
    if not there or not (is_loopback(host) or is_anywhere(host)) or is_loopback(there):
        return server
    return f"{f'[{there}]' if ':' in there else there}:{port}"


def _place(name: str, number: int, count: int, group_size: int) -> tuple[str, str]:
    """Return the account and the group of a person: monday-3 in group monday-3, of pairs monday-2a in monday-2."""
    groups = -(-count // group_size)
    group = f"{name}-{number // group_size + 1:0{len(str(groups))}}"
    return group + (chr(ord("a") + number % group_size) if group_size > 1 else ""), group


@dataclass(frozen=True, slots=True, kw_only=True)
class Organized:
    """What one group of a class has on the server, in the server's names."""

    technicians: dict[str, str]
    """The colleagues and people, and the technician group of each."""
    groups: tuple[str, ...]
    channels: dict[str, tuple[str, ...]]
    """The channels, and the technician groups that serve each."""


def organized(classroom: Classroom, group: str) -> Organized:
    """Return what a group of the class has on the server."""
    names = AccountNames(suffix=group)
    colleagues = {names.account(one): names.account(home) for home, some in GROUPS.items() for one in some}
    people = {member.account: names.account(HOME) for member in classroom.members_of(group)}
    channels = {names.account(one): tuple(map(names.account, served_by)) for one, served_by in CHANNELS.items()}
    return Organized(technicians=people | colleagues, groups=tuple(map(names.account, GROUPS)), channels=channels)
