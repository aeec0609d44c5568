"""The organization: technician groups, technicians, channels, administrators, and the settings of groups and channels.

Its changes are events of their own stream, so a restart keeps them as it keeps the sessions. Secrets are stored as
hashes only.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import msgspec

from rescue_protos.errors import AlreadyExists, InvalidArgument, NotFound, OrganizationRefused
from rescue_server.core.details import (
    AccountChange,
    AccountDetails,
    GroupChange,
    GroupDetails,
    PersonChange,
    PersonDetails,
    default_email,
)
from rescue_server.core.posting import PostSettings
from rescue_server.settings import SessionSettings

NAME_LENGTH = 64  # characters
FIRST_NODE = 100_005
"""The first node id that is given out. Those before it are for nodes that every organization has, like its root."""
_USERS = ("technician", "administrator")
_GRAMMAR = {'"': "it quotes words", ":": "it ends a kind of target, as in group:Support"}
_JOINERS = "\u200c\u200d"  # format characters that names in Persian, Hindi and others are written with
_BREAKING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
"""Categories of characters that break a line or a terminal, or that cannot be seen. A plain space is none of them."""


class OrganizationEvent(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something that changed the organization. `by` is the administrator, empty for the first start."""

    at: datetime
    by: str = ""


class NodeAdded(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """A person, group or channel was added. `node` is its id, never given out again; 0 in journals of before."""

    name: str
    node: int = 0


class GroupAdded(NodeAdded, frozen=True, kw_only=True, tag=True):
    """A technician group was added, with the default settings. Groups of one `tenant` know nothing of others."""

    tenant: str = ""


class TechnicianAdded(NodeAdded, frozen=True, kw_only=True, tag=True):
    """A technician was added to a group."""

    group: str


class ChannelAdded(NodeAdded, frozen=True, kw_only=True, tag=True):
    """A channel was added; these groups serve it."""

    groups: tuple[str, ...]


class AdministratorAdded(NodeAdded, frozen=True, kw_only=True, tag=True):
    """An administrator was added: they may use the Administration Center and the clock."""


class NodesNumbered(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """Everything in an organization of before node ids got one: "technician:NAME", "group:NAME" and so on."""

    nodes: dict[str, int]


class TechnicianMoved(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """A technician was moved to another group."""

    name: str
    group: str


class TechnicianDeleted(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """A technician who takes part in no session was removed."""

    name: str


class GroupDeleted(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """A technician group without technicians, sessions and channels was removed."""

    name: str


class ChannelDeleted(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """A channel without sessions was removed."""

    name: str


class SecretChanged(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """A user got a new secret; `secret_hash` is its hash."""

    user: str
    secret_hash: str


class AuthcodeIssued(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """A user got a code that stands for them in calls of the public API; it voids their former one."""

    user: str
    code_hash: str


class ReportSettingsChanged(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """A client of the public API set what a report is about. `changes` are in JSON, by name; they belong to a code."""

    user: str
    code_hash: str
    changes: Mapping[str, str]


class JoinCodeIssued(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """A technician got a code to join with; it voids their former one. `until` is real time, unlike `at`."""

    user: str
    code_hash: str
    until: datetime


class JoinCodeUsed(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """Somebody joined as this technician. The code is theirs from now on: `joiner_hash` is of what they prove it by."""

    user: str
    joiner_hash: str


class ConsoleCame(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """The first console of a technician connected, from this address."""

    technician: str
    address: str = ""


class ConsoleWent(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """The last console of a technician disconnected."""

    technician: str


class SettingsChanged(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """Settings of `owner` were changed: "group:NAME" or "channel:NAME".

    `periods` has only the changed ones; `terms` is None if unchanged.
    """

    owner: str
    periods: dict[str, timedelta] = {}
    terms: str | None = None


class PostSettingsChanged(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """Where a group posts its sessions was changed; `changes` has only the changed fields."""

    group: str
    changes: dict[str, str]


class AdministratorDeleted(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """An administrator was removed."""

    name: str


class PersonRenamed(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """A technician or administrator who takes part in no session got another name."""

    name: str
    to: str


class GroupRenamed(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """A technician group whose settings no session follows got another name."""

    name: str
    to: str


class ChannelServed(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """Other groups serve a channel from now on; `groups` are all of them."""

    name: str
    groups: tuple[str, ...]


class ApiTokenIssued(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """An administrator got a token that stands for them in calls of the public API; an empty hash revokes it."""

    user: str
    code_hash: str


class PersonChanged(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """Details of a technician or administrator were changed: `change` has the changed ones only."""

    name: str
    change: PersonChange


class GroupChanged(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """Details of a technician group were changed: `change` has the changed ones only."""

    name: str
    change: GroupChange


class AccountChanged(OrganizationEvent, frozen=True, kw_only=True, tag=True):
    """Details of the organization itself were changed: `change` has the changed ones only."""

    change: AccountChange


AnyOrganizationEvent = (
    GroupAdded | TechnicianAdded | ChannelAdded | AdministratorAdded | TechnicianMoved
    | TechnicianDeleted | GroupDeleted | ChannelDeleted | SecretChanged | SettingsChanged | NodesNumbered
    | AuthcodeIssued | JoinCodeIssued | JoinCodeUsed | PostSettingsChanged | PersonChanged | GroupChanged
    | AccountChanged | ReportSettingsChanged
    | AdministratorDeleted | PersonRenamed | GroupRenamed | ChannelServed | ApiTokenIssued
    | ConsoleCame | ConsoleWent
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinCode:
    """A code to join with. `until` is real time; `joiner_hash` is empty until somebody has used it."""

    code_hash: str
    until: datetime
    joiner_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """Immutable; `settings` by owner ("group:NAME", "channel:NAME"), `technicians` by name to their group.

    `nodes` are the node ids by "technician:NAME", "administrator:NAME", "group:NAME" and "channel:NAME". `authcodes`
    are the hashes of codes by user, also of users who were removed. `join_codes` are by technician, `posting` and
    `tenants` by group. `details` and `group_details` are of those people and groups of whom something was said.
    `present` are the technicians whose consoles came and did not go, where that is recorded.
    """

    technicians: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    administrators: frozenset[str] = frozenset()
    settings: Mapping[str, SessionSettings] = field(default_factory=dict)
    posting: Mapping[str, PostSettings] = field(default_factory=dict)
    secret_hashes: Mapping[str, str] = field(default_factory=dict)
    authcodes: Mapping[str, str] = field(default_factory=dict)
    tenants: Mapping[str, str] = field(default_factory=dict)
    api_tokens: Mapping[str, str] = field(default_factory=dict)
    report_settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By the hash of a code that counts; in JSON, by name."""
    join_codes: Mapping[str, JoinCode] = field(default_factory=dict)
    details: Mapping[str, PersonDetails] = field(default_factory=dict)
    group_details: Mapping[str, GroupDetails] = field(default_factory=dict)
    account: AccountDetails = AccountDetails()  # noqa: RUF009, it is immutable
    present: frozenset[str] = frozenset()
    nodes: Mapping[str, int] = field(default_factory=dict)
    former_names: Mapping[str, int] = field(default_factory=dict)
    """Node ids by names that people had before; sessions of that time have them."""
    next_node: int = FIRST_NODE
    numbered: bool = True
    """Whether the journal has all the node ids; otherwise they follow from its order."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The technician groups, by name."""
        return tuple(sorted(owner.removeprefix("group:") for owner in self.settings if owner.startswith("group:")))

    def settings_of(self, owner: str) -> SessionSettings:
        """The settings of "group:NAME" or "channel:NAME". Raises NotFound."""
        if owner not in self.settings:
            kind, _, name = owner.partition(":")
            raise NotFound.of(kind, name, self._list_names(kind))
        return self.settings[owner]

    def posting_of(self, group: str) -> PostSettings:
        """Where a group posts its sessions. Raises NotFound."""
        self.settings_of(f"group:{group}")
        return self.posting.get(group, PostSettings())

    def person(self, name: str) -> PersonDetails:
        """What is known of a technician or administrator. Raises NotFound."""
        self.require_user(name)
        known = self.details.get(name, PersonDetails())
        return replace(known, email=known.email or default_email(name), sso_id=known.sso_id or name)

    def is_enabled(self, user: str) -> bool:
        """Whether the user may sign in, if there is such a user."""
        known = self.details.get(user)
        return known is None or known.enabled

    def group(self, name: str) -> GroupDetails:
        """What is known of a technician group. Raises NotFound."""
        self.settings_of(f"group:{name}")
        return self.group_details.get(name, GroupDetails())

    def idle_timeout(self, technician: str) -> timedelta:
        """The active session idle time-out of the technician's group; zero is never."""
        return self.settings[f"group:{self.technicians[technician]}"].idle_timeout

    def members(self, target: str) -> tuple[str, ...]:
        """The technicians of "technician:NAME", "group:NAME" or "channel:NAME", by name. Raises NotFound."""
        kind, _, name = target.partition(":")
        if kind == "technician" and name in self.technicians:
            return (name,)
        if kind == "group" and f"group:{name}" in self.settings:
            return tuple(sorted(person for person, group in self.technicians.items() if group == name))
        if kind == "channel" and name in self.channels:
            serving = self.channels[name]
            return tuple(sorted(person for person, group in self.technicians.items() if group in serving))
        raise NotFound.of(kind, name, self._list_names(kind))

    def require_unused_group(self, name: str) -> None:
        """Raise NotFound without such a group, OrganizationRefused if it has technicians or serves a channel."""
        if members := self.members(f"group:{name}"):
            raise OrganizationRefused(f"{name} still has technicians ({', '.join(members)}): move or remove them first")
        if served := sorted(channel for channel, groups in self.channels.items() if name in groups):
            raise OrganizationRefused(f"{name} still serves channels ({', '.join(served)}): remove them first")

    def require_technician(self, name: str) -> None:
        """Raise NotFound if there is no such technician."""
        self.members(f"technician:{name}")

    def require_user(self, name: str) -> None:
        """Raise NotFound if there is no such technician or administrator."""
        if name not in self.technicians and name not in self.administrators:
            raise NotFound.of("user", name)

    def require_own_email(self, name: str, email: str) -> None:
        """Raise AlreadyExists if somebody else has this e-mail address."""
        wanted = email.casefold()
        for other in (*self.technicians, *self.administrators):
            if other != name and self.person(other).email.casefold() == wanted:
                raise AlreadyExists(
                    f"{other} has the e-mail address {email!r} already", reason="EMAIL_IN_USE", metadata={"name": other}
                )

    def require_free(self, kind: str, name: str) -> None:
        """Raise InvalidArgument if the name is not allowed, AlreadyExists if it is taken."""
        if wrong := _explain_bad_name(name):
            raise InvalidArgument.of("name", f"{name!r} is no name: {wrong}")
        taken = {
            "a group": kind == "group" and f"group:{name}" in self.settings,
            "a channel": kind == "channel" and name in self.channels,
            # Technicians and administrators sign in with their names, so a name is unique among both.
            "a technician": kind in _USERS and name in self.technicians,
            "an administrator": kind in _USERS and name in self.administrators,
        }
        for what, there in taken.items():
            if there:
                raise AlreadyExists(f"there is {what} {name!r} already", metadata={"name": name})

    def _list_names(self, kind: str) -> str:
        names = {"technician": self.technicians, "group": self.groups, "channel": self.channels}
        if kind not in names:
            return "name technician:NAME, group:NAME or channel:NAME"
        return f"there are {', '.join(sorted(names[kind]))}" if names[kind] else "there are none"


def require_tenant_name(name: str) -> None:
    """Raise InvalidArgument if no tenant can have this name; the empty one is that of groups without a tenant."""
    if name and (wrong := _explain_bad_name(name)):
        raise InvalidArgument.of("tenant", f"{name!r} is no name: {wrong}")


def _explain_bad_name(name: str) -> str:
    """Return why people, groups and channels cannot have this name; empty if they can."""
    if not name or not name[0].isalnum():
        return "a letter or digit comes first"
    if len(name) > NAME_LENGTH:
        return f"at most {NAME_LENGTH} characters, not {len(name)}"
    if name.endswith(" "):
        return "a space at its end cannot be seen"
    if not unicodedata.is_normalized("NFC", name):
        return "its marks must be composed with their letters (Unicode NFC)"
    for letter in name:
        if letter in _GRAMMAR:
            return f"{letter!r} is not possible, {_GRAMMAR[letter]}"
        if unicodedata.category(letter) in _BREAKING and letter not in " " + _JOINERS:
            return f"{letter!r} (U+{ord(letter):04X}) breaks a line or cannot be seen"
    return ""
