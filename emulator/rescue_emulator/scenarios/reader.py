"""From the text of a scenario file to scenarios: form first, as the schema says, then whether it makes sense."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from rescue_common.durations import BadDuration, parse_duration
from rescue_emulator.scenarios.faults import ADD, LAN, lan_flaw, rule_flaws
from rescue_emulator.scenarios.language import (
    COMPUTER,
    CUSTOMER,
    CUSTOMER_SAYS,
    OTHERS,
    OWNERS,
    STATUS,
    TECHNICIAN_SAYS,
    TECHNICIANS,
    possible,
    schema,
)
from rescue_emulator.scenarios.model import BadScenario, Queue, Scenario, Shown, Step
from rescue_emulator.scenarios.schema_checker import Flaw, at, flaws
from rescue_emulator.scenarios.settings import BadSetting, Owners
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
    """Return what a scenario file's text says. Raises BadScenario with every flaw, a line each."""
    try:
        nodes = [node for node in yaml.compose_all(text, Loader=_Text) if node is not None]
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
    found = list(_flaws(nodes))
    if found:
        raise BadScenario("\n".join(f"{source}:{flaw}" for flaw in found))
    return tuple(_scenario(node, source) for node in nodes)


class _Text(yaml.BaseLoader):
    """Every scalar is text: `off` is no boolean."""


def _flaws(nodes: list[yaml.Node]) -> Iterator[Flaw]:
    if not nodes:
        yield Flaw(line=1, column=1, text="it is empty")
    for node in nodes:
        of_form = list(flaws(node, schema()))
        yield from of_form or _nonsense(node)


def _nonsense(node: yaml.Node) -> Iterator[Flaw]:
    """What is in form and makes no sense all the same."""
    fields = _fields(node)
    people = _People(fields)
    names: list[str] = [*people.customers, *people.technicians]
    for name in sorted(set(names) & {*OTHERS, COMPUTER}):
        yield at(fields["participants"], f"nobody can be called {name!r}")
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield at(fields["participants"], f"{name!r} can be only one")
    owners = Owners()
    for owner, settings in fields["settings"].value if "settings" in fields else ():
        yield from _setting_nonsense(owners, owner.value, {name.value: value for name, value in settings.value})
    for item in fields["steps"].value:
        yield from _step_nonsense(item.value[0], people, owners)
    if "queues" in fields and "at most" in fields:
        yield at(fields["at most"], "either queues or at most")
    for part in ("queues", "at most"):
        for name, queue in fields[part].value if part in fields else ():
            if name.value not in people.technicians:
                yield at(name, f"{part} are those of {_listed(people.technicians)}")
            elif part == "queues":
                yield from _queue_nonsense(queue, people)
    if "row" in fields:
        yield from _row_nonsense(node, fields)


def _step_nonsense(item: tuple[yaml.Node, yaml.Node], people: _People, owners: Owners) -> Iterator[Flaw]:
    who, what = item[0].value, item[1].value
    said = people.says(who)
    if said is None:
        yield at(item[0], f"nobody is called {who!r}: there are {_listed(people.everybody)}")
    elif not re.fullmatch(said, what):
        yield at(item[1], f"{who} cannot do {what!r} (possible: {possible(said)})")
    elif who == "admin" and what.startswith(ADD):
        for flaw in rule_flaws(what.removeprefix(ADD), people.customers, people.technicians):
            yield at(item[1], flaw)
    elif who == "admin":
        _, owner, setting = what.split(" ", 2)
        if owner not in OWNERS:
            yield at(item[1], f"{owner!r} has no settings (possible: {', '.join(OWNERS)})")
        name, _, value = setting.partition("=")
        yield from _setting_nonsense(owners, owner, {name: item[1]}, value)
    elif who == "clock":
        yield from _duration_nonsense(item[1], what.removeprefix("advance "), least=timedelta(microseconds=1))
    elif who in (*people.customers, COMPUTER):
        if what.startswith("reboot ") and what != "reboot hold":
            yield from _duration_nonsense(item[1], what.removeprefix("reboot "))
        if what.startswith(LAN) and (flaw := lan_flaw(what.removeprefix(LAN))):
            yield at(item[1], flaw)
        yield from _place_nonsense(item[1], what)
    elif who in people.technicians or who == "quiz":
        customer = _of_customer(what, people.customers)
        if customer is not None and customer not in people.customers:
            yield at(item[1], f"no customer is called {customer!r}: there are {_listed(people.customers)}")
        elif customer is None and len(people.customers) > 1 and not what.startswith("focus"):
            yield at(item[1], f"whose session? add: for {' or for '.join(people.customers)}")
        yield from _place_nonsense(item[1], what)
        other = re.search(r"(?:technician:|invite |remove |lead offer )([a-z][\w-]*)", what)
        quizzed = what.split()[0] if who == "quiz" else None
        for name in filter(None, (other and other[1], quizzed)):
            if name not in people.technicians:
                yield at(item[1], f"no technician is called {name!r}: there are {_listed(people.technicians)}")


def _place_nonsense(node: yaml.Node, what: str) -> Iterator[Flaw]:
    """Whether there is the group or channel that something is transferred to or started through."""
    found = re.match(r"(?:(?:cannot )?transfer|run applet) (group|channel):(\w+)", what)
    known = {"group": GROUPS, "channel": CHANNELS}
    if found and found[2] not in known[found[1]]:
        yield at(node, f"no {found[1]} is called {found[2]!r}: there are {_listed([*known[found[1]]])}")


def _setting_nonsense(
    owners: Owners, owner: str, changes: Mapping[str, yaml.Node], value: str | None = None
) -> Iterator[Flaw]:
    """Make changes of settings: each stands at a node, and is what the node says if no `value` is given."""
    written = {name: node.value if value is None else value for name, node in changes.items()}
    while written:
        try:
            owners.change(owner, written)
        except BadSetting as error:
            yield at(changes[error.name], str(error))
            del written[error.name]
        else:
            return


def _duration_nonsense(node: yaml.Node, written: str, *, least: timedelta = timedelta(0)) -> Iterator[Flaw]:
    try:
        if parse_duration(written) < least:
            yield at(node, "no time goes by")
    except BadDuration as error:
        yield at(node, str(error))


def _queue_nonsense(queue: yaml.Node, people: _People) -> Iterator[Flaw]:
    if isinstance(queue, yaml.MappingNode):
        for customer, _ in queue.value:
            if customer.value not in people.customers:
                yield at(customer, f"no customer is called {customer.value!r}: there are {_listed(people.customers)}")
        several = [items for _, items in queue.value]
    else:
        several = [queue]
    for item in (item for items in several for item in items.value):
        shown, last = _shown(item.value), read_rows()[-1].row
        if shown.row is not None and shown.row > last:
            yield at(item, f"the table has rows 1 to {last}")
        elif shown.row is not None and read_rows()[shown.row - 1].end != shown.status:
            yield at(item, f"row {shown.row} ends in {read_rows()[shown.row - 1].end}, not in {shown.status}")
    if not isinstance(queue, yaml.MappingNode) and len(people.customers) > 1:
        yield at(queue, f"whose session? write a list for each of {_listed(people.customers)}")


def _row_nonsense(node: yaml.Node, fields: Mapping[str, Any]) -> Iterator[Flaw]:
    if missing := [name for name in ("change", "seen by", "queues") if name not in fields]:
        yield at(node, f"{_listed(missing)} missing, as a row is played")
        return
    row = read_rows()[int(fields["row"].value) - 1]
    if fields["change"].value != f"{row.start} -> {row.end}":
        yield at(fields["change"], f"row {row.row} is {row.start} -> {row.end}, not {fields['change'].value!r}")
    if fields["seen by"].value not in _fields(fields["queues"]):
        yield at(fields["seen by"], "queues has to have who sees the change")


class _People:
    """Who takes part."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        said = _fields(fields["participants"]) if "participants" in fields else {}
        self.customers = tuple(n.value for n in said["customers"].value) if "customers" in said else (CUSTOMER,)
        self.extra = {n.value: g.value for n, g in said["technicians"].value} if "technicians" in said else {}
        self.technicians = (*TECHNICIANS, *self.extra)
        self.everybody = sorted((*self.technicians, *self.customers, COMPUTER, *OTHERS))

    def says(self, who: str) -> str | None:
        """The words of a participant; None if there is no such."""
        if who in self.technicians:
            return TECHNICIAN_SAYS
        if who in self.customers or (who == COMPUTER and len(self.customers) == 1):
            return CUSTOMER_SAYS
        return OTHERS.get(who)


def split_customer(what: str, customers: tuple[str, ...]) -> tuple[str, str]:
    """Cut `for CUSTOMER` out of what a technician does; return the rest, and the first customer if none is named."""
    named = _of_customer(what, customers)
    if named is None:
        return what, customers[0]
    return re.sub(rf" for {named}(?= |$)", "", what, count=1), named


def _of_customer(what: str, customers: tuple[str, ...]) -> str | None:
    free = re.match(r"(?:cannot )?(?:chat|transfer \S+ comment)\b", what)  # a text follows, in anybody's words
    pattern = r"(?:cannot )?chat for (\S+)|.* for (\S+)$" if free else r".* for (\S+)$"
    found = re.match(pattern, what)
    name = found and next(filter(None, found.groups()), None)
    return name if name and (not free or name in customers) else None


def _scenario(node: yaml.Node, source: str) -> Scenario:
    fields = _fields(node)
    people = _People(fields)
    text = {name: value.value for name, value in fields.items() if isinstance(value, yaml.ScalarNode)}
    start, _, end = text.get("change", "").partition(" -> ")
    queues = fields.get("queues")
    by_customer: dict[str, dict[str, Queue]] = {}
    for name, queue in queues.value if queues is not None else ():
        several = queue.value if isinstance(queue, yaml.MappingNode) else None
        for customer, items in [(c.value, q) for c, q in several] if several else [(people.customers[0], queue)]:
            by_customer.setdefault(customer, {})[name.value] = tuple(_shown(item.value) for item in items.value)
    limits = fields.get("at most")
    free = queues is None and limits is None
    return Scenario(
        steps=tuple(_step(item, people) for item in fields["steps"].value),
        title=text.get("title", ""),
        about=text.get("about", ""),
        source=source,
        row=int(text["row"]) if "row" in text else None,
        start=start,
        end=end,
        seen_by=text.get("seen by", ""),
        way=text.get("way", ""),
        customers=people.customers,
        extra=MappingProxyType(people.extra),
        settings=MappingProxyType(
            {
                owner.value: MappingProxyType({name.value: value.value for name, value in settings.value})
                for owner, settings in (fields["settings"].value if "settings" in fields else ())
            }
        ),
        by_customer=MappingProxyType({name: MappingProxyType(found) for name, found in by_customer.items()}),
        at_most=MappingProxyType(
            {n.value: frozenset(int(i.value) for i in rows.value) for n, rows in limits.value}
            if limits is not None
            else dict.fromkeys(people.technicians, frozenset(range(1, 63)))
        )
        if limits is not None or free
        else None,
    )


def _step(item: yaml.Node, people: _People) -> Step:
    who, what = item.value[0]
    name = people.customers[0] if who.value == COMPUTER else who.value
    return Step(who=name, what=what.value, line=who.start_mark.line + 1)


def _shown(text: str) -> Shown:
    found = re.fullmatch(rf"({STATUS})(?:, row (\d+))?", text)
    assert found is not None  # the schema has seen to that
    return Shown(status=found[1], row=int(found[2]) if found[2] else None)


def _fields(node: yaml.Node) -> dict[str, Any]:
    return {key.value: value for key, value in node.value}


def _listed(words: tuple[str, ...] | list[str]) -> str:
    return ", ".join(repr(word) for word in words)
