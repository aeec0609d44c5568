"""A person's progress for people: lines for a terminal, and an HTML page with the table as a picture.

The picture tells the standings by colour, by the pattern of the line, by a sign and by a title. The page loads no
script, font or picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from html import escape
from importlib import resources
from string import Template

from rescue_emulator.exercises.standing import TO_REPEAT, PersonProgress, RowProgress, Standing
from rescue_emulator.exercises.texts import ExerciseTexts
from rescue_emulator.pictures.statechart import ArrowStyle, styled_statechart
from rescue_protos.explanations import explanation

STYLES = {
    Standing.SOLVED: ArrowStyle(colour="#17683a", width=2, sign="✓"),
    Standing.WITH_HELP: ArrowStyle(colour="#806000", width=1.8, dashes="9 4", sign="?"),
    Standing.UNSOLVED: ArrowStyle(colour="#a8231b", width=1.8, dashes="2 4", sign="✗"),
    Standing.UNTRIED: ArrowStyle(colour="#767d85", width=0.8),
}


def as_lines(progress: PersonProgress, texts: ExerciseTexts) -> Iterator[str]:
    """Return the numbers, and a line for each row to look at again."""
    yield f"{progress.person}: {_counted(progress, texts)}"
    for one in progress.with_standing(*TO_REPEAT):
        yield f"  {texts.text('look again')}: {_change(one, texts)} ({_attempts(one, texts)})"


def as_html(
    people: Sequence[PersonProgress],
    texts: ExerciseTexts,
    *,
    title: str = "",
    overview: str = "",
    detail: Callable[[PersonProgress], str] = lambda _: "",
) -> str:
    """Return a whole page with a part for each person.

    `overview` stands before the people, and what `detail` returns at the end of each person's part; both are HTML.
    """
    page = Template(resources.files(__package__).joinpath("progress.html").read_text(encoding="utf-8"))
    nobody = f"<p>{escape(texts.text('No scores are kept yet.'))}</p>"
    return page.substitute(
        lang=texts.language,
        title=escape(title or texts.text("Progress in the 62 changes")),
        legend="".join(_legend(standing, texts) for standing in Standing),
        overview=overview,
        people="\n".join(_person(one, texts, detail(one)) for one in people) or nobody,
    )


def as_picture(progress: PersonProgress, texts: ExerciseTexts) -> str:
    """Return the table as SVG, each change drawn as the person stands with it."""
    named = {standing: replace(style, note=texts.text(standing)) for standing, style in STYLES.items()}
    styles = {row: named[standing] for row, standing in progress.by_row.items()}
    return styled_statechart(styles, lang=texts.language)


def _person(progress: PersonProgress, texts: ExerciseTexts, detail: str) -> str:
    again = "".join(_to_repeat(one, texts) for one in progress.with_standing(*TO_REPEAT))
    again = f"<ul class='again'>{again}</ul>" if again else f"<p>{escape(texts.text('Nothing.'))}</p>"
    untried = ", ".join(str(one.row.row) for one in progress.with_standing(Standing.UNTRIED))
    return (
        f"<section><h2>{escape(progress.person)}</h2><p>{escape(_counted(progress, texts))}</p>"
        f"<div class='picture'>{as_picture(progress, texts)}</div>"
        f"<h3>{escape(texts.text('Look at these again'))}</h3>{again}"
        f"<h3>{escape(texts.text(Standing.UNTRIED))}</h3><p>{untried or escape(texts.text('Nothing.'))}</p>"
        f"{detail}</section>"
    )


def _to_repeat(one: RowProgress, texts: ExerciseTexts) -> str:
    style = STYLES[one.standing]
    why = escape(explanation(one.row.row, texts.language))
    return (
        f"<li><b><span style='color:{style.colour}' aria-hidden='true'>{style.sign}</span> "
        f"{escape(_change(one, texts))}</b> <small>{escape(_attempts(one, texts))}</small><br>{why}</li>"
    )


def _legend(standing: Standing, texts: ExerciseTexts) -> str:
    style = STYLES[standing]
    return (
        "<li><svg width='64' height='14' aria-hidden='true'><path d='M2 7H62' fill='none' "
        f"{style.stroke}/></svg> <span aria-hidden='true'>{style.sign}</span> {escape(texts.text(standing))}</li>"
    )


def _counted(progress: PersonProgress, texts: ExerciseTexts) -> str:
    return ", ".join(f"{len(progress.with_standing(one))} {texts.text(one)}" for one in Standing)


def _change(one: RowProgress, texts: ExerciseTexts) -> str:
    row = one.row
    return f"{texts.text('row {row}', row=row.row)}: {texts.status(row.start)} → {texts.status(row.end)}"


def _attempts(one: RowProgress, texts: ExerciseTexts) -> str:
    last = one.attempts[-1]
    return texts.text(
        "{standing}; attempts: {attempts}; the last: hints {hints}, wrong {wrong}, predicted {right} of {questions}",
        standing=texts.text(one.standing),
        attempts=len(one.attempts),
        hints=last.hints,
        wrong=last.wrong,
        right=last.right,
        questions=last.questions,
    )
