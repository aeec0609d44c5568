"""The organization: its tree of nodes."""

from __future__ import annotations

from collections.abc import Sequence

from rescue_api.answers import Row
from rescue_api.calls import ApiCall
from rescue_api.nodes import Node, NodeType, tree
from rescue_client.api_records import Facts, GroupNode, Person

OFFLINE, ONLINE, DISABLED = "Offline", "Online", "Disabled"


async def get_hierarchy(call: ApiCall) -> Sequence[Row]:
    """Return the nodes: all, those below one, or one alone."""
    nodes = list(tree(call.facts.account))
    if call.names_node("node"):
        wanted = call.node("node")
        nodes = [wanted] if call.flag("isnode") else _subtree(nodes, wanted)
    rows = [_row(node, call.facts) for node in nodes]
    hide = call.flag("filteroffline")
    return [row for row in rows if not (hide and row["status"] == OFFLINE)]


def status_of(node: Node, facts: Facts) -> str:
    """Return a technician's status, and that others are disabled; else other nodes have none."""
    if isinstance(node.of, Person | GroupNode) and not node.of.enabled:
        return DISABLED
    if node.type is not NodeType.TECHNICIAN:
        return ""
    return ONLINE if node.name in facts.connected else OFFLINE


def _subtree(nodes: Sequence[Node], top: Node) -> list[Node]:
    below = {top.id}
    for node in nodes:  # parents come first
        if node.parent in below:
            below.add(node.id)
    return [node for node in nodes if node.id in below]


def _row(node: Node, facts: Facts) -> Row:
    return {
        "node": node.id,
        "parent": node.parent,
        "name": node.name,
        "email": node.of.email if isinstance(node.of, Person) else "",
        "description": node.of.description if isinstance(node.of, Person | GroupNode) else "",
        "status": status_of(node, facts),
        "type": node.type.value,
    }
