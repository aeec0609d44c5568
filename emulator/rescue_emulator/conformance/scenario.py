"""What is played for each row of the published table, and what every queue must show.

The files in `rows/` are the truth, one a row: `06.yaml` holds row 6, and several documents where the article names
several ways. A step is `WHO: WHAT`, in the words of the programs' own command lines; a queue is the list of all
statuses that its console shows from the new entry to the last change, each with the row of the change.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import yaml

from rescue_protos.table import labels, read_rows

TECHNICIANS = ("alice", "bob", "carol", "dave")
PROCESSES = (
    "remote-control",
    "screen-sharing",
    "file-manager",
    "file-transfer",
    "save-dialog",
    "calling-card",
)
#: What a row may set, with the default that is restored after it.
SETTINGS: Mapping[str, str] = MappingProxyType(
    {"connecting-timeout": "20m", "waiting-timeout": "0", "idle-timeout": "0", "terms": ""}
)

_NAME = "|".join(TECHNICIANS)
_STATUS = "|".join(re.escape(name) for name in labels("en"))
_TECHNICIAN_SAYS = (
    r"pin|start|hold|reboot|end"
    rf"|transfer (?:technician:(?:{_NAME})|group:\w+|channel:\w+)"
    rf"|(?:invite|remove|lead offer) (?:{_NAME})|lead (?:accept|cancel)"
    rf"|focus (?:on|off)|(?:open|close) (?:{'|'.join(PROCESSES)})|sees (?:{_STATUS})"
)
_VOCABULARY: Mapping[str, str] = MappingProxyType(
    {
        "admin": rf"set (?:group|channel):\w+ (?:{'|'.join(SETTINGS)})=.+",
        "clock": r"advance (?=\d)(?:\d+h)?(?:\d+m)?(?:\d+s)?",
        "customer": r"run applet(?: channel:\w+)?(?: terms:(?:ask|decline))?"
        r"|accept|lan (?:on|off)|reboot(?: hold)?|boot|close",
    }
    | dict.fromkeys(TECHNICIANS, _TECHNICIAN_SAYS)
)


class BadScenario(ValueError):
    """A scenario file does not say what it must; the message names the file and the flaw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that somebody does: `who` is a technician, the customer, the admin or the clock."""

    who: str
    what: str

    def __str__(self) -> str:
        return f"{self.who}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A status that a queue showed, and the table's row of the change to it; None for a new entry."""

    status: str
    row: int | None = None

    def __str__(self) -> str:
        return self.status if self.row is None else f"{self.status}, row {self.row}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way to play one row.

    `seen_by` is the technician in whose queue the row's change happens, `way` which of the article's ways this is
    (empty if it names one), `queues` what each technician's console shows; who is missing there sees nothing.
    """

    row: int
    start: str
    end: str
    seen_by: str
    way: str
    steps: tuple[Step, ...]
    queues: Mapping[str, tuple[Shown, ...]]


@cache
def read_scenarios(row: int) -> tuple[Scenario, ...]:
    """Return the ways to play a row, 1 to 62, in the file's order. Raises BadScenario."""
    name = f"{row:02}.yaml"
    text = resources.files(__package__).joinpath("rows").joinpath(name).read_text(encoding="utf-8")
    return parse_scenarios(text, source=name, row=row)


def parse_scenarios(text: str, *, source: str, row: int) -> tuple[Scenario, ...]:
    """Return what a scenario file's text says. Raises BadScenario for anything that is not plainly right."""
    try:
        documents = list(yaml.load_all(text, Loader=_Strict))
        if not documents:
            raise BadScenario("it is empty")
        return tuple(_scenario(document, row) for document in documents)
    except (BadScenario, yaml.YAMLError) as error:
        raise BadScenario(f"{source}: {error}") from None


class _Strict(yaml.BaseLoader):
    """Every scalar is text (`off` is no boolean), and a key stands only once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise BadScenario(f"{key!r} stands twice")
        return super().construct_mapping(node, deep=deep)


def _scenario(document: object, row: int) -> Scenario:
    fields = _mapping(document, "a scenario")
    if missing := {"row", "change", "seen by", "steps", "queues"} - fields.keys():
        raise BadScenario(f"{_listed(missing)} missing")
    if unknown := fields.keys() - {"row", "change", "seen by", "way", "steps", "queues"}:
        raise BadScenario(f"unknown: {_listed(unknown)}")
    published = read_rows()[row - 1]
    if fields["row"] != str(row):
        raise BadScenario(f"the file is that of row {row}, but says {fields['row']!r}")
    if fields["change"] != f"{published.start} -> {published.end}":
        raise BadScenario(f"row {row} is {published.start} -> {published.end}, not {fields['change']!r}")
    queues = _mapping(fields["queues"], "queues")
    if fields["seen by"] not in queues or not queues.keys() <= set(TECHNICIANS):
        raise BadScenario(f"queues are those of {_listed(TECHNICIANS)}, and of who sees the change")
    return Scenario(
        row=row,
        start=published.start,
        end=published.end,
        seen_by=str(fields["seen by"]),
        way=str(fields.get("way", "")),
        steps=tuple(_step(item) for item in _sequence(fields["steps"], "steps")),
        queues=MappingProxyType(
            {name: tuple(_shown(item) for item in _sequence(queue, name)) for name, queue in queues.items()}
        ),
    )


def _step(item: object) -> Step:
    said = _mapping(item, "a step")
    if len(said) != 1:
        raise BadScenario(f"a step is one WHO: WHAT, not {_listed(said)}")
    ((who, what),) = said.items()
    if who not in _VOCABULARY:
        raise BadScenario(f"nobody is called {who!r}: there are {_listed(_VOCABULARY)}")
    if not isinstance(what, str) or not re.fullmatch(_VOCABULARY[who], what):
        raise BadScenario(f"{who} cannot do {what!r}")
    return Step(who=who, what=what)


def _shown(item: object) -> Shown:
    found = re.fullmatch(rf"({_STATUS})(?:, row (\d+))?", item) if isinstance(item, str) else None
    if not found:
        raise BadScenario(f"{item!r} is no status of the table, with or without a row")
    return Shown(status=found[1], row=int(found[2]) if found[2] else None)


def _mapping(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        raise BadScenario(f"{what}: a mapping is expected, not {value!r}")
    return value


def _sequence(value: object, what: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise BadScenario(f"{what}: a list is expected, not {value!r}")
    return value


def _listed(words: Iterable[str]) -> str:
    return ", ".join(repr(word) for word in sorted(words))
