"""Reads a scenario file: checks the form against the schema, then the meaning, and makes `Scenario` records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from rescue_common.durations import BadDuration, parse_duration
from rescue_emulator.scenarios.faults import ADD, LAN, find_lan_flaw, find_rule_flaws
from rescue_emulator.scenarios.language import (
    COMPUTER,
    CUSTOMER,
    CUSTOMER_PATTERN,
    OTHER_PATTERNS,
    OWNERS,
    STATUS,
    TECHNICIAN_PATTERN,
    TECHNICIANS,
    possible_actions,
    schema,
)
from rescue_emulator.scenarios.model import BadScenario, Queue, Scenario, ShownStatus, Step
from rescue_emulator.scenarios.schema_checker import Flaw, find_flaws, flaw_at
from rescue_emulator.scenarios.settings import SettingRefused, SettingsState
from rescue_emulator.world.people import CHANNELS, GROUPS
from rescue_protos.status_table import read_rows


def read_file(path: Path) -> tuple[Scenario, ...]:
    """Return the scenarios of a file, in its order. Raises BadScenario, OSError."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadScenario(f"{path}: it is not UTF-8 (byte {error.start + 1})") from None
    return read_text(text, source=str(path))


def read_text(text: str, *, source: str) -> tuple[Scenario, ...]:
    """Return the scenarios in the text of a file. Raises BadScenario with a line for each flaw."""
    try:
        nodes = [node for node in yaml.compose_all(text, Loader=_TextLoader) if node is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{mark.line + 1}:{mark.column + 1}: " if mark else ""
        hint = " (a text with a colon and a space in it stands in quotes)" if "mapping values" in str(error) else ""
        raise BadScenario(f"{source}:{where}{error.problem or error}{hint}") from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        raise BadScenario(f"{source}:{line}:{column}: the character {error.character:#x} is not allowed") from None
    except RecursionError:
        raise BadScenario(f"{source}: it is nested too deeply") from None
    found = list(_document_flaws(nodes))
    if found:
        raise BadScenario("\n".join(f"{source}:{flaw}" for flaw in found))
    return tuple(_scenario(node, source) for node in nodes)


class _TextLoader(yaml.BaseLoader):
    """A loader for which every scalar is text: `off` is no boolean."""


def _document_flaws(nodes: list[yaml.Node]) -> Iterator[Flaw]:
    if not nodes:
        yield Flaw(line=1, column=1, text="it is empty")
    for node in nodes:
        form_flaws = list(find_flaws(node, schema()))
        yield from form_flaws or _meaning_flaws(node)


def _meaning_flaws(node: yaml.Node) -> Iterator[Flaw]:
    """Yield the flaws of a document whose form is right: unknown names, settings out of range, and the like."""
    fields = _fields(node)
    people = _People(fields)
    names: list[str] = [*people.customers, *people.technicians]
    for name in sorted(set(names) & {*OTHER_PATTERNS, COMPUTER}):
        yield flaw_at(fields["participants"], f"nobody can be called {name!r}")
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield flaw_at(fields["participants"], f"{name!r} can be only one")
    state = SettingsState()
    for owner, settings in fields["settings"].value if "settings" in fields else ():
        yield from _setting_flaws(state, owner.value, {name.value: value for name, value in settings.value})
    for item in fields["steps"].value:
        yield from _step_flaws(item.value[0], people, state)
    if "trainee" in fields and fields["trainee"].value not in people.technicians:
        yield flaw_at(fields["trainee"], f"the trainee is one of {_join_names(people.technicians)}")
    if "queues" in fields and "at most" in fields:
        yield flaw_at(fields["at most"], "either queues or at most")
    for part in ("queues", "at most"):
        for name, queue in fields[part].value if part in fields else ():
            if name.value not in people.technicians:
                yield flaw_at(name, f"{part} are those of {_join_names(people.technicians)}")
            elif part == "queues":
                yield from _queue_flaws(queue, people)
    if "row" in fields:
        yield from _row_flaws(node, fields)


def _step_flaws(item: tuple[yaml.Node, yaml.Node], people: _People, state: SettingsState) -> Iterator[Flaw]:
    who, what = item[0].value, item[1].value
    pattern = people.pattern(who)
    if pattern is None:
        yield flaw_at(item[0], f"nobody is called {who!r}: there are {_join_names(people.everybody)}")
    elif not re.fullmatch(pattern, what):
        yield flaw_at(item[1], f"{who} cannot do {what!r} (possible: {possible_actions(pattern)})")
    elif who == "admin" and what.startswith(ADD):
        for flaw in find_rule_flaws(what.removeprefix(ADD), people.customers, people.technicians):
            yield flaw_at(item[1], flaw)
    elif who == "admin":
        _, owner, setting = what.split(" ", 2)
        if owner not in OWNERS:
            yield flaw_at(item[1], f"{owner!r} has no settings (possible: {', '.join(OWNERS)})")
        name, _, value = setting.partition("=")
        yield from _setting_flaws(state, owner, {name: item[1]}, value)
    elif who == "clock":
        yield from _duration_flaws(item[1], what.removeprefix("advance "), least=timedelta(microseconds=1))
    elif who in (*people.customers, COMPUTER):
        if what.startswith("reboot ") and what != "reboot hold":
            yield from _duration_flaws(item[1], what.removeprefix("reboot "))
        if what.startswith(LAN) and (flaw := find_lan_flaw(what.removeprefix(LAN))):
            yield flaw_at(item[1], flaw)
        yield from _target_flaws(item[1], what)
    elif who in people.technicians or who == "quiz":
        customer = _named_customer(what, people.customers)
        if customer is not None and customer not in people.customers:
            yield flaw_at(item[1], f"no customer is called {customer!r}: there are {_join_names(people.customers)}")
        elif customer is None and len(people.customers) > 1 and not what.startswith("focus"):
            yield flaw_at(item[1], f"whose session? add: for {' or for '.join(people.customers)}")
        yield from _target_flaws(item[1], what)
        other = re.search(r"(?:technician:|invite |remove |lead offer )([a-z][\w-]*)", what)
        quizzed = what.split()[0] if who == "quiz" else None
        for name in filter(None, (other and other[1], quizzed)):
            if name not in people.technicians:
                yield flaw_at(item[1], f"no technician is called {name!r}: there are {_join_names(people.technicians)}")


def _target_flaws(node: yaml.Node, what: str) -> Iterator[Flaw]:
    """Yield a flaw if the group or channel in an action does not exist."""
    found = re.match(r"(?:(?:cannot )?transfer|run applet) (group|channel):(\w+)", what)
    known = {"group": GROUPS, "channel": CHANNELS}
    if found and found[2] not in known[found[1]]:
        yield flaw_at(node, f"no {found[1]} is called {found[2]!r}: there are {_join_names([*known[found[1]]])}")


def _setting_flaws(
    state: SettingsState, owner: str, changes: Mapping[str, yaml.Node], value: str | None = None
) -> Iterator[Flaw]:
    """Apply changes of settings and yield their flaws. Without `value`, the value is the text of the node."""
    written = {name: node.value if value is None else value for name, node in changes.items()}
    while written:
        try:
            state.change(owner, written)
        except SettingRefused as error:
            yield flaw_at(changes[error.name], str(error))
            del written[error.name]
        else:
            return


def _duration_flaws(node: yaml.Node, written: str, *, least: timedelta = timedelta(0)) -> Iterator[Flaw]:
    try:
        if parse_duration(written) < least:
            yield flaw_at(node, "no time goes by")
    except BadDuration as error:
        yield flaw_at(node, str(error))


def _queue_flaws(queue: yaml.Node, people: _People) -> Iterator[Flaw]:
    if isinstance(queue, yaml.MappingNode):
        for customer, _ in queue.value:
            if customer.value not in people.customers:
                yield flaw_at(
                    customer, f"no customer is called {customer.value!r}: there are {_join_names(people.customers)}"
                )
        several = [items for _, items in queue.value]
    else:
        several = [queue]
    for item in (item for items in several for item in items.value):
        shown, last = _shown(item.value), read_rows()[-1].row
        if shown.row is not None and shown.row > last:
            yield flaw_at(item, f"the table has rows 1 to {last}")
        elif shown.row is not None and read_rows()[shown.row - 1].end != shown.status:
            yield flaw_at(item, f"row {shown.row} ends in {read_rows()[shown.row - 1].end}, not in {shown.status}")
    if not isinstance(queue, yaml.MappingNode) and len(people.customers) > 1:
        yield flaw_at(queue, f"whose session? write a list for each of {_join_names(people.customers)}")


def _row_flaws(node: yaml.Node, fields: Mapping[str, Any]) -> Iterator[Flaw]:
    if missing := [name for name in ("change", "seen by", "queues") if name not in fields]:
        yield flaw_at(node, f"{_join_names(missing)} missing, as a row is played")
        return
    row = read_rows()[int(fields["row"].value) - 1]
    if fields["change"].value != f"{row.start} -> {row.end}":
        yield flaw_at(fields["change"], f"row {row.row} is {row.start} -> {row.end}, not {fields['change'].value!r}")
    if fields["seen by"].value not in _fields(fields["queues"]):
        yield flaw_at(fields["seen by"], "queues has to have who sees the change")


class _People:
    """The participants of a scenario."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        participants = _fields(fields["participants"]) if "participants" in fields else {}
        self.customers: tuple[str, ...] = (CUSTOMER,)
        if "customers" in participants:
            self.customers = tuple(name.value for name in participants["customers"].value)
        self.extra: dict[str, str] = {}
        if "technicians" in participants:
            self.extra = {name.value: group.value for name, group in participants["technicians"].value}
        self.technicians = (*TECHNICIANS, *self.extra)
        self.everybody = sorted((*self.technicians, *self.customers, COMPUTER, *OTHER_PATTERNS))

    def pattern(self, who: str) -> str | None:
        """Return the pattern of a participant's actions; None if there is no such participant."""
        if who in self.technicians:
            return TECHNICIAN_PATTERN
        if who in self.customers or (who == COMPUTER and len(self.customers) == 1):
            return CUSTOMER_PATTERN
        return OTHER_PATTERNS.get(who)


def split_customer(what: str, customers: tuple[str, ...]) -> tuple[str, str]:
    """Split an action into the rest and the customer that `for CUSTOMER` names; the first customer if none is named."""
    named = _named_customer(what, customers)
    if named is None:
        return what, customers[0]
    return re.sub(rf" for {named}(?= |$)", "", what, count=1), named


def _named_customer(what: str, customers: tuple[str, ...]) -> str | None:
    free = re.match(r"(?:cannot )?(?:chat|transfer \S+ comment)\b", what)  # free text follows
    pattern = r"(?:cannot )?chat for (\S+)|.* for (\S+)$" if free else r".* for (\S+)$"
    found = re.match(pattern, what)
    name = found and next(filter(None, found.groups()), None)
    return name if name and (not free or name in customers) else None


def _scenario(node: yaml.Node, source: str) -> Scenario:
    fields = _fields(node)
    people = _People(fields)
    text = {name: value.value for name, value in fields.items() if isinstance(value, yaml.ScalarNode)}
    start, _, end = text.get("change", "").partition(" -> ")
    return Scenario(
        steps=tuple(_step(item, people) for item in fields["steps"].value),
        title=text.get("title", ""),
        about=text.get("about", ""),
        source=source,
        row=int(text["row"]) if "row" in text else None,
        start=start,
        end=end,
        seen_by=text.get("seen by", ""),
        trainee=text.get("trainee", ""),
        way=text.get("way", ""),
        customers=people.customers,
        extra=MappingProxyType(people.extra),
        settings=_settings(fields),
        by_customer=_queues_by_customer(fields, people),
        at_most=_allowed_rows(fields, people),
    )


def _settings(fields: Mapping[str, Any]) -> Mapping[str, Mapping[str, str]]:
    owners = fields["settings"].value if "settings" in fields else ()
    return MappingProxyType(
        {
            owner.value: MappingProxyType({name.value: value.value for name, value in settings.value})
            for owner, settings in owners
        }
    )


def _queues_by_customer(fields: Mapping[str, Any], people: _People) -> Mapping[str, Mapping[str, Queue]]:
    found: dict[str, dict[str, Queue]] = {}
    for technician, queue in fields["queues"].value if "queues" in fields else ():
        if isinstance(queue, yaml.MappingNode):
            parts = [(customer.value, items) for customer, items in queue.value]
        else:
            parts = [(people.customers[0], queue)]
        for customer, items in parts:
            found.setdefault(customer, {})[technician.value] = tuple(_shown(item.value) for item in items.value)
    return MappingProxyType({customer: MappingProxyType(queues) for customer, queues in found.items()})


def _allowed_rows(fields: Mapping[str, Any], people: _People) -> Mapping[str, frozenset[int]] | None:
    """Return the rows of `at most`. Without it and without `queues` every row is allowed; None if `queues` decides."""
    if "at most" in fields:
        limits = {name.value: rows.value for name, rows in fields["at most"].value}
        return MappingProxyType({name: frozenset(int(row.value) for row in rows) for name, rows in limits.items()})
    if "queues" in fields:
        return None
    return MappingProxyType(dict.fromkeys(people.technicians, frozenset(range(1, 63))))


def _step(item: yaml.Node, people: _People) -> Step:
    who, what = item.value[0]
    name = people.customers[0] if who.value == COMPUTER else who.value
    return Step(who=name, what=what.value, line=who.start_mark.line + 1)


def _shown(text: str) -> ShownStatus:
    found = re.fullmatch(rf"({STATUS})(?:, row (\d+))?", text)
    if found is None:
        raise BadScenario(f"{text!r} is not a status with a row")  # the schema allows no such text
    return ShownStatus(status=found[1], row=int(found[2]) if found[2] else None)


def _fields(node: yaml.Node) -> dict[str, Any]:
    return {key.value: value for key, value in node.value}


def _join_names(words: tuple[str, ...] | list[str]) -> str:
    return ", ".join(repr(word) for word in words)
