"""What a class has achieved: for spreadsheets, for programs, and a page with what each person should look at again.

Pure. The scores stay after the class has ended, so a report needs nothing but them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from html import escape

from rescue_emulator.exercises.attempt_timeline import attempt_timeline
from rescue_emulator.exercises.progress import Score, as_csv, as_junit
from rescue_emulator.exercises.progress_report import as_html, as_lines
from rescue_emulator.exercises.standing import TO_REPEAT, PersonProgress, progress_of
from rescue_emulator.exercises.texts import ExerciseTexts


class ReportFormat(StrEnum):
    """How a report is written."""

    TEXT = "text"
    HTML = "html"
    CSV = "csv"
    JSON = "json"
    JUNIT = "junit"


def class_report(
    name: str, people: Sequence[str], scores: Sequence[Score], how: ReportFormat, texts: ExerciseTexts
) -> str:
    """Return the report of class `name`. `people` are those who are in it, also without a score."""
    everybody = sorted({*people, *(score.person for score in scores)})
    progress = [progress_of(person, scores) for person in everybody]
    match how:
        case ReportFormat.CSV:
            return as_csv(scores)
        case ReportFormat.JUNIT:
            return as_junit(scores)
        case ReportFormat.JSON:
            return "".join(f"{json.dumps(asdict(score), ensure_ascii=False)}\n" for score in scores)
        case ReportFormat.TEXT:
            return "".join(f"{line}\n" for one in progress for line in as_lines(one, texts))
        case ReportFormat.HTML:

            def timeline(one: PersonProgress) -> str:
                return attempt_timeline([score for score in scores if score.person == one.person], texts)

            return as_html(
                progress,
                texts,
                title=texts.text("Class {name}: progress in the 62 changes", name=name),
                overview=_overview(progress, texts),
                detail=timeline,
            )


def _overview(progress: Sequence[PersonProgress], texts: ExerciseTexts) -> str:
    """Return which changes most people should look at again, as a table."""
    again: dict[int, list[str]] = {}
    titles = {}
    for one in progress:
        for row in one.with_standing(*TO_REPEAT):
            again.setdefault(row.row.row, []).append(one.person)
            titles[row.row.row] = f"{texts.status(row.row.start)} → {texts.status(row.row.end)}"
    ordered = sorted(again, key=lambda number: (-len(again[number]), number))
    rows = "".join(
        f"<tr><th scope='row'>{number}</th><td>{escape(titles[number])}</td><td>{len(again[number])}</td>"
        f"<td>{escape(', '.join(again[number]))}</td></tr>"
        for number in ordered
    )
    title = escape(texts.text("Changes to look at again together"))
    if not rows:
        return f"<h2>{title}</h2><p>{escape(texts.text('Nothing.'))}</p>"
    heads = "".join(f"<th scope='col'>{escape(texts.text(one))}</th>" for one in ("row", "change", "people", "who"))
    return f"<h2>{title}</h2><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
