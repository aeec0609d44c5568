"""A person's attempts in the order of time: a picture as SVG, and a table that says the same in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from html import escape

from rescue_emulator.exercises.progress import Score
from rescue_emulator.exercises.progress_report import STYLES
from rescue_emulator.exercises.standing import standing_of
from rescue_emulator.exercises.texts import ExerciseTexts

_WIDTH, _HEIGHT = 960, 74
_EDGE, _TOP, _BAR = 10, 26, 22
_NARROWEST = 26  # room for a sign and a number


def attempt_timeline(scores: Sequence[Score], texts: ExerciseTexts) -> str:
    """Return the attempts of one person as HTML; empty if there are none."""
    if not scores:
        return ""
    title = escape(texts.text("Timeline of the attempts"))
    rows = "".join(_table_row(score, texts) for score in scores)
    heads = "".join(f"<th scope='col'>{escape(texts.text(one))}</th>" for one in _COLUMNS)
    return (
        f"<h3>{title}</h3><div class='picture'>{_picture(scores, texts, title)}</div>"
        f"<div class='picture'><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


_COLUMNS = ("ended", "exercise", "result", "seconds", "wrong steps", "refused", "hints", "predicted")


def _table_row(score: Score, texts: ExerciseTexts) -> str:
    result = standing_of([score])
    cells = (
        _ended(score).strftime("%Y-%m-%d %H:%M:%S"),
        score.exercise,
        f"{STYLES[result].sign} {texts.text(result)}",
        f"{score.seconds:g}",
        str(score.wrong),
        str(score.refused),
        str(score.hints),
        f"{score.right}/{score.questions}" if score.questions else "",
    )
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _picture(scores: Sequence[Score], texts: ExerciseTexts, title: str) -> str:
    """Draw a bar for each attempt. Bars that would cover each other are moved to the right."""
    begin = min(_began(score) for score in scores)
    whole = max((max(_ended(score) for score in scores) - begin).total_seconds(), 1.0)
    scale = (_WIDTH - 2 * _EDGE) / whole
    bars, free = [], float(_EDGE)
    for score in scores:
        left = max(free, _EDGE + (_began(score) - begin).total_seconds() * scale)
        width = max(score.seconds * scale, _NARROWEST)
        bars.append(_bar(score, texts, left, width))
        free = left + width + 2
    total = max(_WIDTH, round(free + _EDGE))
    hours = f"{begin:%H:%M} – {max(_ended(score) for score in scores):%H:%M} UTC"
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {total} {_HEIGHT}' width='{total}' height='{_HEIGHT}' "
        f"role='img' aria-label='{title}'><rect width='{total}' height='{_HEIGHT}' fill='#ffffff'/>"
        f"<text x='{_EDGE}' y='16' font-size='12' fill='#555d66'>{hours}</text>{''.join(bars)}</svg>"
    )


def _bar(score: Score, texts: ExerciseTexts, left: float, width: float) -> str:
    standing = standing_of([score])
    style, result = STYLES[standing], texts.text(standing)
    dashes = f" stroke-dasharray='{style.dashes}'" if style.dashes else ""
    title = escape(f"{texts.text('exercise')} {score.exercise}: {result}")
    return (
        f"<g><title>{title}</title><rect x='{left:.1f}' y='{_TOP}' width='{width:.1f}' height='{_BAR}' rx='3' "
        f"fill='#f6f7f8' stroke='{style.colour}' stroke-width='2'{dashes}/>"
        f"<text x='{left + 4:.1f}' y='{_TOP + 16}' font-size='12' fill='{style.colour}'>{style.sign}</text>"
        f"<text x='{left + 2:.1f}' y='{_TOP + _BAR + 16}' font-size='12' fill='#1d2126'>{escape(score.exercise[:6])}"
        "</text></g>"
    )


def _ended(score: Score) -> datetime:
    return datetime.fromisoformat(score.at)


def _began(score: Score) -> datetime:
    return _ended(score) - timedelta(seconds=score.seconds)
