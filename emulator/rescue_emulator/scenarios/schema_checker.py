"""Checks a YAML document against a JSON schema: every flaw with its line and column.

It implements the part of JSON Schema that `language.schema` uses. Scalars are text unless the schema asks for a number,
so `off` is a word and no boolean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Something wrong in the file; `line` and `column` count from 1."""

    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.text}"


def find_flaws(node: yaml.Node, schema: Mapping[str, Any], *, what: str = "the scenario") -> Iterator[Flaw]:
    """Yield each flaw of a node: whatever the schema does not allow. `what` names the node in messages."""
    if "oneOf" in schema:
        fitting = [one for one in schema["oneOf"] if _is_a(node, one["type"])]
        if fitting:
            yield from find_flaws(node, fitting[0], what=what)
        else:
            yield flaw_at(node, f"{what}: {' or '.join(_ARTICLE[one['type']] for one in schema['oneOf'])} is expected")
        return
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(_is_a(node, kind) for kind in kinds):
        yield flaw_at(node, f"{what}: {_ARTICLE[kinds[0]]} is expected, not {node_text(node)}")
    elif isinstance(node, yaml.MappingNode):
        yield from _mapping_flaws(node, schema, what)
    elif isinstance(node, yaml.SequenceNode):
        if len(node.value) < schema.get("minItems", 0):
            yield flaw_at(node, f"{what}: the list is empty")
        for item in node.value:
            yield from find_flaws(item, schema["items"], what=_ITEM.get(what, what))
    elif isinstance(node, yaml.ScalarNode):
        yield from _scalar_flaws(node, schema, what)


def flaw_at(node: yaml.Node, text: str) -> Flaw:
    """Return a flaw at the line and column of a node."""
    return Flaw(line=node.start_mark.line + 1, column=node.start_mark.column + 1, text=text)


def node_text(node: yaml.Node) -> str:
    """Return the text of a scalar, or the kind of the node."""
    return repr(node.value) if isinstance(node, yaml.ScalarNode) else _ARTICLE[_KINDS[type(node)]]


_ARTICLE = {"object": "a mapping", "array": "a list", "string": "text", "integer": "a number"}
_KINDS = {yaml.MappingNode: "object", yaml.SequenceNode: "array", yaml.ScalarNode: "string"}
_ITEM = {"steps": "a step", "customers": "a customer"}
# Control characters, which a terminal would obey, and surrogates, which cannot be printed.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST_NUMBER = 100  # digits; Python refuses to parse much longer numbers


def _is_a(node: yaml.Node, kind: str) -> bool:
    if kind == "integer":
        return isinstance(node, yaml.ScalarNode) and re.fullmatch(r"-?\d+", node.value) is not None
    return _KINDS[type(node)] == kind


def _mapping_flaws(node: yaml.MappingNode, schema: Mapping[str, Any], what: str) -> Iterator[Flaw]:
    seen: set[str] = set()
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", False)
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            yield flaw_at(key, f"{what}: a name is expected, not {node_text(key)}")
            continue
        if key.value in seen:
            yield flaw_at(key, f"{key.value!r} stands twice")
        seen.add(key.value)
        if "propertyNames" in schema:
            yield from _scalar_flaws(key, schema["propertyNames"], what)
        below = known.get(key.value, others)
        if below is False:
            yield flaw_at(key, f"unknown: {key.value!r} (possible: {', '.join(known)})")
        else:
            yield from find_flaws(value, below, what=key.value)
    for name in schema.get("required", ()):
        if name not in seen:
            yield flaw_at(node, f"{name!r} missing")
    if len(node.value) < schema.get("minProperties", 0):
        yield flaw_at(node, f"{what}: nothing is in it")
    if len(node.value) > schema.get("maxProperties", len(node.value)):
        yield flaw_at(node, f"{what} is one WHO: WHAT, not {', '.join(map(repr, sorted(seen)))}")


def _scalar_flaws(node: yaml.ScalarNode, schema: Mapping[str, Any], what: str) -> Iterator[Flaw]:
    if unfit := _UNFIT.search(node.value):
        yield flaw_at(node, f"the character {ord(unfit[0]):#x} is not allowed")
    if len(node.value) < schema.get("minLength", 0):
        yield flaw_at(node, f"{what}: a text is missing")
    if "pattern" in schema and not re.match(schema["pattern"], node.value):
        if "title" in schema:
            yield flaw_at(node, f"{node.value!r} is not {schema['title']}")
        else:
            yield flaw_at(
                node, f"{what} cannot do {node.value!r} ({_ending_hint(node.value, schema) or schema['description']})"
            )
    if "minimum" in schema and not (
        len(node.value) < _LONGEST_NUMBER and schema["minimum"] <= int(node.value) <= schema["maximum"]
    ):
        yield flaw_at(node, f"{what}: {node.value:.20} is not from {schema['minimum']} to {schema['maximum']}")


def _ending_hint(text: str, schema: Mapping[str, Any]) -> str:
    """Return what may follow the verb in a text; empty if the verb is unknown or has no hint."""
    words = text.split()
    return next((f"after {verb!r} comes {ending}" for verb, ending in schema["x-endings"].items() if verb in words), "")
