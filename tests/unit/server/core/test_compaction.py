"""A compacted journal gives the same organization at each session's event, and at its end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rescue_protos.errors import InvalidArgument, NotFound, OrganizationRefused
from rescue_server.core.compaction import Compaction
from rescue_server.core.details import AccountChange, GroupChange, PersonChange
from rescue_server.core.events import ChatSent
from rescue_server.core.organization import (
    AccountChanged,
    ChannelAdded,
    ChannelDeleted,
    ChannelServed,
    GroupAdded,
    GroupChanged,
    GroupDeleted,
    GroupRenamed,
    JoinCodeIssued,
    JoinCodeUsed,
    NodeAdded,
    Organization,
    OrganizationEvent,
    PersonChanged,
    PersonRenamed,
    PostSettingsChanged,
    SecretChanged,
    SettingsChanged,
    TechnicianAdded,
    TechnicianDeleted,
    TechnicianMoved,
)
from rescue_server.core.organization_changes import apply_change
from rescue_server.runtime.state import AnyEvent

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
SEEN = ChatSent(at=NOON, session="1001", technician="alice", text="hello")
FOUNDING: list[AnyEvent] = [
    GroupAdded(at=NOON, name="Support"),
    GroupAdded(at=NOON, name="Network"),
    ChannelAdded(at=NOON, name="Web", groups=("Support",)),
]
NAMES = st.sampled_from(["alice", "bob"])
GROUPS = st.sampled_from(["Support", "Network", "Night"])
SECONDS = st.integers(1, 3000).map(lambda seconds: timedelta(seconds=seconds))
NICKS = st.sampled_from([None, "", "x", "y"])
CHANGES: st.SearchStrategy[AnyEvent] = st.one_of(
    st.just(SEEN),
    st.builds(TechnicianAdded, at=st.just(NOON), name=NAMES, group=GROUPS),
    st.builds(TechnicianMoved, at=st.just(NOON), name=NAMES, group=GROUPS),
    st.builds(TechnicianDeleted, at=st.just(NOON), name=NAMES),
    st.just(GroupAdded(at=NOON, name="Night")),
    st.just(GroupDeleted(at=NOON, name="Night")),
    st.just(ChannelAdded(at=NOON, name="Late", groups=("Night",))),
    st.just(ChannelDeleted(at=NOON, name="Late")),
    st.builds(
        PostSettingsChanged,
        at=st.just(NOON),
        group=st.sampled_from(["Support", "Night"]),
        changes=st.dictionaries(st.sampled_from(["start", "end"]), st.sampled_from(["", "http://localhost/"])),
    ),
    st.builds(PersonRenamed, at=st.just(NOON), name=NAMES, to=NAMES),
    st.just(GroupRenamed(at=NOON, name="Night", to="Late Night")),
    st.just(GroupRenamed(at=NOON, name="Late Night", to="Night")),
    st.builds(
        PersonChanged, at=st.just(NOON), name=NAMES, change=st.builds(PersonChange, nick=NICKS, description=NICKS)
    ),
    st.just(GroupChanged(at=NOON, name="Night", change=GroupChange(description="late"))),
    st.builds(
        AccountChanged,
        at=st.just(NOON),
        change=st.builds(AccountChange, field_labels=st.dictionaries(st.sampled_from("01"), st.sampled_from("xy"))),
    ),
    st.builds(ChannelServed, at=st.just(NOON), name=st.just("Late"), groups=GROUPS.map(lambda name: (name,))),
    st.builds(SecretChanged, at=st.just(NOON), user=NAMES, secret_hash=st.sampled_from("xyz")),
    st.builds(JoinCodeIssued, at=st.just(NOON), user=NAMES, code_hash=st.sampled_from("abc"), until=st.just(NOON)),
    st.builds(JoinCodeUsed, at=st.just(NOON), user=NAMES, joiner_hash=st.sampled_from("xy")),
    st.builds(
        SettingsChanged,
        at=st.just(NOON),
        owner=st.sampled_from(["group:Support", "channel:Web", "group:Night", "channel:Late"]),
        # The server refuses some orders of these two changes, because each limits the other.
        periods=st.dictionaries(st.sampled_from(["reconnect_period", "heartbeat_interval"]), SECONDS),
        terms=st.none() | st.sampled_from(["", "be kind"]),
    ),
)


def is_possible(organization: Organization, event: AnyEvent) -> bool:
    """Whether the server could store this event."""
    there = organization.technicians
    match event:
        case TechnicianAdded(name=name, group=group):
            return name not in there and group in organization.groups
        case TechnicianMoved(name=name, group=group):
            return name in there and group in organization.groups
        case GroupAdded(name=name):
            return name not in organization.groups
        case ChannelAdded(name=name, groups=groups):
            return name not in organization.channels and set(groups) <= set(organization.groups)
        case ChannelDeleted(name=name):
            return name in organization.channels
        case GroupDeleted(name=name):
            try:
                organization.require_unused_group(name)
            except (NotFound, OrganizationRefused):
                return False
        case PersonRenamed(name=name, to=to):
            return name in there and to not in there
        case GroupRenamed(name=name, to=to):
            return name in organization.groups and to not in organization.groups
        case PersonChanged(name=name):
            return name in there
        case GroupChanged(name=name):
            return name in organization.groups
        case ChannelServed(name=name, groups=groups):
            return name in organization.channels and set(groups) <= set(organization.groups)
        case TechnicianDeleted(name=name) | SecretChanged(user=name) | JoinCodeIssued(user=name):
            return name in there
        case JoinCodeUsed(user=name):
            return name in organization.join_codes and not organization.join_codes[name].joiner_hash
        case PostSettingsChanged(group=name):
            return name in organization.groups
        case SettingsChanged(periods=periods, owner=owner):
            try:
                organization.settings_of(owner).changed(periods)
            except (InvalidArgument, NotFound):
                return False
    return True


def journal_of(wanted: list[AnyEvent]) -> list[AnyEvent]:
    organization, journal = Organization(), []
    for event in [*FOUNDING, *wanted]:
        if is_possible(organization, event):
            if isinstance(event, NodeAdded):
                event = msgspec.structs.replace(event, node=organization.next_node)
            journal.append(event)
            if isinstance(event, OrganizationEvent):
                organization = apply_change(organization, event)
    return journal


def folded(journal: list[AnyEvent]) -> dict[int, AnyEvent]:
    compaction = Compaction()
    for revision, event in enumerate(journal, 1):
        compaction.add(revision, event)
    assert compaction.changed.keys() & compaction.dropped == set()
    kept = {revision: event for revision, event in enumerate(journal, 1) if revision not in compaction.dropped}
    return kept | compaction.changed


def seen_by_sessions(lines: dict[int, AnyEvent]) -> dict[int, Organization]:
    """Return the organization at each session's event, and under 0 the one at the end."""
    organization, seen = Organization(), {}
    for revision, event in sorted(lines.items()):
        if isinstance(event, OrganizationEvent):
            organization = apply_change(organization, event)
        else:
            seen[revision] = organization
    return {**seen, 0: organization}


@given(st.lists(CHANGES, max_size=60))
def test_nothing_that_a_session_sees_is_different(wanted: list[AnyEvent]) -> None:
    journal = journal_of(wanted)
    short = folded(journal)
    assert seen_by_sessions(short) == seen_by_sessions(dict(enumerate(journal, 1)))
    again = folded(list(short.values()))
    assert len(again) == len(short)  # there is nothing left to compact


def test_the_highest_node_id_is_remembered_although_its_owner_is_gone() -> None:
    gone: list[AnyEvent] = [GroupAdded(at=NOON, name="Night", node=100_009), GroupDeleted(at=NOON, name="Night")]
    assert [*folded([*FOUNDING, *gone]).values()] == [*FOUNDING, *gone]
    later = GroupAdded(at=NOON, name="Late", node=100_010)
    assert [*folded([*FOUNDING, *gone, later]).values()] == [*FOUNDING, later]


def test_what_nobody_saw_is_bounded_by_what_there_is() -> None:
    changes: list[AnyEvent] = []
    for minute in range(1, 301):
        idle = {"idle_timeout": timedelta(minutes=minute)}
        changes += [
            SettingsChanged(at=NOON, by="admin", owner="group:Support", periods=idle),
            SettingsChanged(at=NOON, by="boss", owner="group:Support", terms=f"version {minute}"),
            TechnicianAdded(at=NOON, name=f"guest{minute}", group="Support"),
            SecretChanged(at=NOON, user=f"guest{minute}", secret_hash="x"),
            TechnicianMoved(at=NOON, name=f"guest{minute}", group="Network"),
            TechnicianDeleted(at=NOON, name=f"guest{minute}"),
            GroupAdded(at=NOON, name=f"night{minute}"),
            ChannelAdded(at=NOON, name=f"late{minute}", groups=(f"night{minute}",)),
            SettingsChanged(at=NOON, owner=f"group:night{minute}", terms="be kind"),
            ChannelDeleted(at=NOON, name=f"late{minute}"),
            GroupDeleted(at=NOON, name=f"night{minute}"),
        ]
    (*founding, last) = folded([*FOUNDING, *changes]).values()
    assert founding == FOUNDING
    assert last == SettingsChanged(
        at=NOON, by="boss", owner="group:Support", periods={"idle_timeout": timedelta(minutes=300)}, terms="version 300"
    )
