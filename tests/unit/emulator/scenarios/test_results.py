"""What a run leaves behind for other programs."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from rescue_emulator.scenarios.model import Scenario, Step
from rescue_emulator.scenarios.outcome import Played
from rescue_emulator.scenarios.results import as_junit


@pytest.mark.parametrize("name", ["\udcff", "\x1b", "\ufffe", "\x00"], ids=repr)
def test_a_junit_file_is_xml_whatever_a_story_or_its_file_is_called(name: str) -> None:
    story = Scenario(steps=(Step(who="alice", what="pin"),), title=f"<{name}&", source=f"{name}.yaml")
    played = Played(scenario=story, shown={}, deviations=(f"alice saw {name}",), details=name, seconds=1)
    (case,) = ElementTree.fromstring(as_junit([played]).encode()).iter("testcase")
    assert (case.get("name"), case.get("classname")) == (
        "<\N{REPLACEMENT CHARACTER}&",
        "\N{REPLACEMENT CHARACTER}.yaml",
    )
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("message") == "alice saw \N{REPLACEMENT CHARACTER}"
