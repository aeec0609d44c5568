"""What a run found, as lines of text and as a table for the documents.

KIND is "ours" or the peer's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict

from benchmarks.goals import Goal, goal_of

OURS = "ours"
Spread = tuple[float, float, float]
Kinds = dict[str, dict[str, list[float]]]


class Report(TypedDict):
    """`cases`: CASE, KIND, FIGURE, and lowest, median and highest of that. `measured`: CASE, and when and how."""

    machine: dict[str, str]
    cases: dict[str, Kinds]
    measured: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure of one case: lowest, median and highest of ours, and of the peer if there is one."""

    case: str
    figure: str
    ours: Spread
    peer_kind: str = ""
    peer: Spread | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """Our median by the peer's."""
        return self.ours[1] / self.peer[1] if self.peer and self.peer[1] else None

    @property
    def is_reached(self) -> bool:
        """Whether the goal is reached, if there is one."""
        return self.goal is None or self.goal.is_reached(self.ours[1], self.peer[1] if self.peer else None)


def rows(case: str, kinds: Kinds) -> Iterator[Row]:
    """Yield the figures of a case."""
    peer_kind = next((kind for kind in kinds if kind != OURS), "")
    beside = kinds.get(peer_kind, {})
    for figure, (low, median, high) in kinds[OURS].items():
        peer = beside.get(figure)
        yield Row(
            case=case,
            figure=figure,
            ours=(low, median, high),
            peer_kind=peer_kind if peer else "",
            peer=(peer[0], peer[1], peer[2]) if peer else None,
            goal=goal_of(case, figure),
        )


def lines(case: str, kinds: Kinds) -> Iterator[str]:
    """Yield what is printed of a case."""
    yield f"\n{case}"
    for row in rows(case, kinds):
        line = f"  {row.figure:<24} ours {_spread(row.ours):<30}"
        if row.peer is not None:
            line += f" {row.peer_kind} {_spread(row.peer):<30} ratio {row.ratio or float('nan'):5.2f}"
        if row.goal is not None:
            line += f"  goal {row.goal}{'' if row.is_reached else ': not reached'}"
        yield line.rstrip()


def merge(kept: Report, new: Report, order: list[str]) -> Report:
    """Return the new result with the cases of an earlier one that it has not, if both are of the same machine."""
    if kept["machine"] != new["machine"]:
        return new
    cases, measured = {**kept["cases"], **new["cases"]}, {**kept["measured"], **new["measured"]}
    names = [name for name in order if name in cases]
    return {
        "machine": new["machine"],
        "cases": {name: cases[name] for name in names},
        "measured": {name: measured[name] for name in names},
    }


def table(report: Report) -> str:
    """Return every figure that has a goal as a table of Markdown, and where it was measured."""
    machine = ", ".join(f"{name} {value}" for name, value in report["machine"].items())
    heads = ("work", "figure", "ours", "beside it", "ratio", "goal", "reached")
    cells = [heads, tuple("---" for _ in heads)]
    cells += [_cells(row) for case, kinds in report["cases"].items() for row in rows(case, kinds) if row.goal]
    return "\n".join([f"{machine}. {_when(report)}", "", *("| " + " | ".join(line) + " |" for line in cells)])


def _when(report: Report) -> str:
    measured = report["measured"].values()
    times, runs = sorted(each["at"] for each in measured), sorted({int(each["runs"]) for each in measured})
    loads = sorted({float(each["load"]) for each in measured})
    return (
        f"Measured from {times[0]} to {times[-1]}, {_range(runs)} runs of each; before the first, the load was "
        f"{_range(loads)}."
    )


def _range(values: Sequence[float]) -> str:
    return f"{values[0]:g}" if len(values) == 1 else f"{values[0]:g} to {values[-1]:g}"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.case,
        row.figure,
        _spread(row.ours),
        f"{row.peer_kind}: {_spread(row.peer)}" if row.peer is not None else "–",
        f"{row.ratio:.2f}" if row.ratio is not None else "–",
        str(row.goal),
        "yes" if row.is_reached else "**no**",
    )


def _spread(of: Spread) -> str:
    low, median, high = (_brief(value) for value in of)
    return f"{median} ({low} to {high})"


def _brief(value: float) -> str:
    """Write a figure with three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
