"""How a person stands with each published change: solved, solved with help, not solved yet, or not tried. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rescue_emulator.exercises.progress import Score
from rescue_protos.status_table import Row, read_rows


class Standing(StrEnum):
    """The best that a person has shown of a change."""

    SOLVED = "solved"  # at least once without a hint, a wrong step or a wrong prediction
    WITH_HELP = "solved with help"
    UNSOLVED = "not solved yet"
    UNTRIED = "not tried yet"


TO_REPEAT = (Standing.UNSOLVED, Standing.WITH_HELP)
"""What a person should look at again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProgress:
    """A row of the table and a person's attempts at it, oldest first."""

    row: Row
    attempts: tuple[Score, ...] = ()

    @property
    def standing(self) -> Standing:
        """The best of the attempts."""
        return standing_of(self.attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonProgress:
    """How a person stands with all rows of the table, in its order."""

    person: str
    rows: tuple[RowProgress, ...]

    def with_standing(self, *standings: Standing) -> tuple[RowProgress, ...]:
        """Return the rows that stand so."""
        return tuple(one for one in self.rows if one.standing in standings)

    @property
    def by_row(self) -> Mapping[int, Standing]:
        """The standing of each row by its number."""
        return {one.row.row: one.standing for one in self.rows}


def progress_of(person: str, scores: Iterable[Score]) -> PersonProgress:
    """Return how a person stands; scores of others and of trainers' own exercises do not count."""
    attempts: dict[str, list[Score]] = {}
    for score in scores:
        if score.person == person:
            attempts.setdefault(score.exercise, []).append(score)
    rows = (RowProgress(row=row, attempts=tuple(attempts.get(str(row.row), ()))) for row in read_rows())
    return PersonProgress(person=person, rows=tuple(rows))


def standing_of(attempts: Sequence[Score]) -> Standing:
    """Return the best that these attempts have shown."""
    if not attempts:
        return Standing.UNTRIED
    if any(score.solved and _is_unaided(score) for score in attempts):
        return Standing.SOLVED
    return Standing.WITH_HELP if any(score.solved for score in attempts) else Standing.UNSOLVED


def _is_unaided(score: Score) -> bool:
    """Return whether an attempt went without a hint, a wrong step and a wrong prediction."""
    return not score.hints and not score.wrong and score.right == score.questions
