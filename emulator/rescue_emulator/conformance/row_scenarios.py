"""The scenarios of each row of the published table: the files in `rows/`, one for each row.

They are ordinary scenario files. `06.yaml` plays row 6, with several documents if the article names several ways.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from rescue_emulator.scenarios.model import BadScenario, Scenario
from rescue_emulator.scenarios.reader import read_text


@cache
def read_scenarios(row: int) -> tuple[Scenario, ...]:
    """Return the ways to play a row, 1 to 62, in the file's order. Raises BadScenario."""
    name = f"{row:02}.yaml"
    text = resources.files(__package__).joinpath("rows").joinpath(name).read_text(encoding="utf-8")
    return parse_scenarios(text, source=name, row=row)


def parse_scenarios(text: str, *, source: str, row: int) -> tuple[Scenario, ...]:
    """Return the scenarios in the text of a row's file. Raises BadScenario, also if a scenario names another row."""
    found = read_text(text, source=source)
    for scenario in found:
        if scenario.row != row:
            raise BadScenario(f"{source}: the file is that of row {row}, but says {scenario.row!r}")
    return found
