"""Reports of a conformance run: JSON lines and an HTML page.

The page loads no script, font or picture. It follows the reader's choice of light or dark.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from importlib import resources
from string import Template

from rescue_console.timeline_svg import timeline_svg
from rescue_emulator.conformance.runner import RowOutcome
from rescue_emulator.scenarios.model import ShownStatus, Step
from rescue_emulator.scenarios.outcome import Played

TITLE = "Do the consoles follow the published status changes?"


def as_json(outcome: RowOutcome) -> str:
    """Return a row as one line of JSON; `faults` has the deviations, if there are any."""
    line: dict[str, object] = {
        "row": outcome.row,
        "start": outcome.start,
        "end": outcome.end,
        "ok": outcome.ok,
        "seconds": round(outcome.seconds, 2),
    }
    if not outcome.ok:
        line["faults"] = deviations(outcome)
    return json.dumps(line, ensure_ascii=False)


def deviations(outcome: RowOutcome) -> list[str]:
    """Return the deviations of a row, a sentence each, with the way if there are several."""
    return [
        f"{played.scenario.way}: {deviation}" if played.scenario.way else deviation
        for played in outcome.ways
        for deviation in played.deviations
    ]


def sum_up(outcomes: Sequence[RowOutcome]) -> str:
    """Return how many rows are as published: `62 of 62`."""
    return f"{sum(outcome.ok for outcome in outcomes)} of {len(outcomes)}"


def as_html(outcomes: Sequence[RowOutcome], *, lang: str, seconds: float, when: datetime | None = None) -> str:
    """Return a whole page. `seconds` is the real time of the run, `when` its end (now if not given)."""
    when = when or datetime.now(UTC)
    page = Template(resources.files(__package__).joinpath("report.html").read_text(encoding="utf-8"))
    good = all(outcome.ok for outcome in outcomes)
    language = {"en": "English", "nl": "Dutch"}[lang]
    ways = sum(len(outcome.ways) for outcome in outcomes)
    return page.substitute(
        title=escape(TITLE),
        verdict="good" if good else "bad",
        sum=escape(f"{sum_up(outcomes)} rows showed exactly the changes that they should."),
        about=escape(
            f"{ways} scenarios with real processes in {seconds:.0f} s, labels in {language}; {when:%Y-%m-%d %H:%M} UTC."
        ),
        links="".join(
            f'<a href="#row-{one.row}"{"" if one.ok else " class=bad"} '
            f'title="{escape(one.start)} → {escape(one.end)}">{one.row}</a>'
            for one in outcomes
        ),
        rows="\n".join(_row(outcome, lang) for outcome in outcomes),
    )


def _row(outcome: RowOutcome, lang: str) -> str:
    verdict = '<span class="good">as published</span>' if outcome.ok else '<b class="bad">falls short</b>'
    return (
        f'<details id="row-{outcome.row}"{"" if outcome.ok else " open"}><summary>'
        f'<span class="number">{outcome.row}</span>'
        f"<span>{escape(outcome.start)} → {escape(outcome.end)}</span>{verdict}"
        f'<span class="seconds">{outcome.seconds:.1f} s</span></summary>'
        + "".join(_way(played, lang) for played in outcome.ways)
        + "</details>"
    )


def _way(played: Played, lang: str) -> str:
    scenario = played.scenario
    title = f"<h3>{escape(scenario.way[:1].upper() + scenario.way[1:])}</h3>" if scenario.way else ""
    steps = "".join(f"<li>{_step(step)}</li>" for step in scenario.steps)
    queues = ""
    for technician in sorted(scenario.queues.keys() | played.shown.keys()):
        expected = scenario.queues.get(technician, ())
        shown = played.shown.get(technician, ())
        own = (scenario.row or 0) if technician == scenario.seen_by else 0
        if shown == expected:
            queues += f"<dt>{technician}</dt><dd>{_chips(shown, own)}</dd>"
        else:
            queues += f'<dt>{technician}</dt><dd><span class="quiet">should have seen</span>'
            queues += f'{_chips(expected, own)}<span class="bad">but saw</span>{_chips(shown, own, off=True)}</dd>'
    wrong = "".join(f"<li>{escape(deviation)}</li>" for deviation in played.deviations)
    wrong = f'<ul class="faults">{wrong}</ul>' if wrong else ""
    wrong += f"<pre>{escape(played.details)}</pre>" if played.details else ""
    picture = timeline_svg(played.happenings, lang=lang) if played.happenings else ""
    return (
        f'<div class="way">{title}<div class="both"><ol class="steps">{steps}</ol>'
        f'<div><dl>{queues}</dl>{wrong}<div class="timeline">{picture}</div></div></div></div>'
    )


def _step(step: Step) -> str:
    return f"<b>{escape(step.who)}</b> {escape(step.what)}"


def _chips(shown: Sequence[ShownStatus], own: int, *, off: bool = False) -> str:
    chips = ""
    for one in shown:
        kinds = "chip" + (" own" if one.row and one.row == own else "") + (" off" if off else "")
        row = f" <small>{one.row}</small>" if one.row else ""
        chips += f'<span class="{kinds}">{escape(one.status)}{row}</span>'
    return f'<div class="chips">{chips or "<i>nothing</i>"}</div>'
