"""The tree of nodes: what the API numbers, and what lies below what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from rescue_api.answers import Enumeration
from rescue_client.api_records import Account, ChannelNode, Facts, GroupNode, Person, SessionFacts

ROOT, MASTERADMINISTRATORS, ADMINISTRATORS, TECHNICIANS = range(100_001, 100_005)
"""The nodes that every organization has; the server gives out the numbers after them."""


class NodeType(StrEnum):
    """The types of nodes."""

    ROOT = "Root"
    MASTERADMINISTRATORS = "Masteradministrators"
    MASTERADMINISTRATOR = "Masteradministrator"
    ADMINISTRATORS = "Administrators"
    TECHNICIANS = "Technicians"
    TECHNICIAN_GROUP = "TechnicianGroup"
    TECHNICIAN = "Technician"
    CHANNEL = "Channel"


NODE_TYPES = Enumeration(name="NODE_TYPE", values=tuple(NodeType))


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node. `of` is the person, group or channel that it stands for."""

    id: int
    parent: int
    name: str
    type: NodeType
    of: Person | GroupNode | ChannelNode | None = None


def tree(account: Account) -> Iterator[Node]:
    """Yield all nodes, parents first and the root before everything."""
    yield Node(id=ROOT, parent=0, name=NodeType.ROOT.value, type=NodeType.ROOT)
    for number, kind in (
        (MASTERADMINISTRATORS, NodeType.MASTERADMINISTRATORS),
        (ADMINISTRATORS, NodeType.ADMINISTRATORS),
        (TECHNICIANS, NodeType.TECHNICIANS),
    ):
        yield Node(id=number, parent=ROOT, name=kind.value, type=kind)
        if kind is NodeType.MASTERADMINISTRATORS:
            yield from (_person(person, number) for person in account.people if not person.is_technician)
    for group in account.groups:
        yield Node(id=group.node, parent=TECHNICIANS, name=group.name, type=NodeType.TECHNICIAN_GROUP, of=group)
        yield from (_person(person, group.node) for person in account.people if person.group == group.name)
    for channel in account.channels:
        yield Node(id=channel.node, parent=ROOT, name=channel.name, type=NodeType.CHANNEL, of=channel)


def _person(person: Person, parent: int) -> Node:
    kind = NodeType.TECHNICIAN if person.is_technician else NodeType.MASTERADMINISTRATOR
    return Node(id=person.node, parent=parent, name=person.name, type=kind, of=person)


def find(account: Account, number: int) -> Node | None:
    """Return the node with this number; None if there is none. The account's own number means the root."""
    wanted = ROOT if number == account.account_id else number
    return next((node for node in tree(account) if node.id == wanted), None)


def technicians_below(account: Account, node: Node) -> frozenset[str]:
    """Return the names of the technicians at the node or below it."""
    technicians = [person for person in account.people if person.is_technician]
    match node.type:
        case NodeType.ROOT | NodeType.TECHNICIANS:
            return _names(technicians)
        case NodeType.TECHNICIAN_GROUP:
            return _names(person for person in technicians if person.group == node.name)
        case NodeType.TECHNICIAN:
            return _names(person for person in technicians if person.node == node.id)
    return frozenset()


def _names(people: Iterable[Person]) -> frozenset[str]:
    """Return what sessions know these people by: their names, and the former ones."""
    return frozenset(name for person in people for name in (person.name, *person.former_names))


def serves(account: Account, channel: ChannelNode, technicians: frozenset[str]) -> bool:
    """Return whether one of these technicians serves the channel."""
    return any(person.group in channel.groups for person in account.people if person.name in technicians)


@dataclass(frozen=True, slots=True)
class NodeDirectory:
    """Looks people and channels up by name, for the rows of many sessions."""

    people: dict[str, Person]
    channels: dict[str, ChannelNode]

    @classmethod
    def of(cls, facts: Facts) -> NodeDirectory:
        """Return the directory of the facts' organization."""
        account = facts.account
        people = {name: one for one in account.people for name in one.former_names}
        people |= {one.name: one for one in account.people}  # whoever has a name now goes before
        return cls(people, {one.name: one for one in account.channels})

    def channel_node(self, session: SessionFacts) -> int:
        """Return the number of the session's channel; 0 without one."""
        channel = self.channels.get(session.channel)
        return channel.node if channel else 0

    def person_node(self, name: str) -> int:
        """Return the number of a person; 0 if they were removed."""
        person = self.people.get(name)
        return person.node if person else 0
