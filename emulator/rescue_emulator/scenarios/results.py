"""Reports of a run: JSON lines, and a JUnit XML file for continuous integration."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from xml.etree import ElementTree

from rescue_emulator.scenarios.model import Scenario
from rescue_emulator.scenarios.outcome import Played

_NOT_IN_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def name_of(scenario: Scenario) -> str:
    """Return the name of a scenario: its title, or its row and way."""
    if scenario.title or scenario.row is None:
        return scenario.title or scenario.source
    return f"row {scenario.row}" + (f", {scenario.way}" if scenario.way else "")


def as_json(played: Played) -> str:
    """Return one line: `file`, `scenario`, `ok`, `seconds`; if it is not ok also `faults` (deviations) and `seed`."""
    line: dict[str, object] = {
        "file": played.scenario.source,
        "scenario": name_of(played.scenario),
        "ok": played.ok,
        "seconds": round(played.seconds, 2),
    }
    if not played.ok:
        line["faults"] = list(played.deviations)
        line["seed"] = played.seed
    return json.dumps(line, ensure_ascii=False)


def as_junit(outcomes: Sequence[Played], *, unplayed: Sequence[Scenario] = ()) -> str:
    """Return a JUnit XML document: a test case for each scenario, a suite for the run.

    `unplayed` are the scenarios that an interrupted run did not play; they count as errors.
    """
    suite = ElementTree.Element(
        "testsuite",
        name="rescue scenario",
        tests=str(len(outcomes) + len(unplayed)),
        failures=str(sum(not played.ok for played in outcomes)),
        errors=str(len(unplayed)),
        skipped="0",
        time=f"{sum(played.seconds for played in outcomes):.3f}",
    )
    for played in outcomes:
        case = _case(suite, played.scenario, played.seconds)
        if not played.ok:
            failure = ElementTree.SubElement(case, "failure", message=_allowed(played.deviations[0]))
            failure.text = _allowed("\n".join([*played.deviations, f"seed {played.seed}", played.details]))
    for scenario in unplayed:
        ElementTree.SubElement(
            _case(suite, scenario, 0), "error", message="the run was broken off before this one ended"
        )
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ElementTree.Element, scenario: Scenario, seconds: float) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite,
        "testcase",
        classname=_allowed(scenario.source),
        name=_allowed(name_of(scenario)),
        time=f"{seconds:.3f}",
    )


def _allowed(text: str) -> str:
    """Replace each character that XML cannot contain."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
