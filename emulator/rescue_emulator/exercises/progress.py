"""The scores of exercises: one JSON object a line in a file of its own for each person, which is only appended to.

A line is on the disk before the result is shown, so that neither a crash nor a pulled plug loses it. A line that a
crash cut short is left out when the file is read.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

_PERSON = re.compile(r"[^\W_][\w .'@+-]{0,63}")
_FORMULA = tuple("=+-@\t\r")
_FIELDS = (
    "at", "person", "exercise", "trainee", "solved", "why",
    "wrong", "hints", "right", "questions", "seconds", "refused",
)  # fmt: skip
_LATER = {"refused": 0}  # lines of before do not have it


class BadPerson(ValueError):
    """The name cannot be that of a file; the message says what is possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One attempt: when it ended (`at`, real time in ISO format), of whom, at which exercise, and how it went."""

    at: str
    person: str
    exercise: str
    trainee: str
    solved: bool
    why: str = ""
    wrong: int = 0
    hints: int = 0
    right: int = 0
    questions: int = 0
    seconds: float = 0.0
    refused: int = 0


class ProgressFile:
    """The scores of everybody, in a directory. Raises OSError if it cannot be read or written."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def add(self, score: Score) -> None:
        """Append a score, durably. Raises BadPerson."""
        path = self._path(score.person)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = json.dumps(asdict(score), ensure_ascii=False).encode() + b"\n"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "rb+") as file:
            # A line that a crash cut short must not swallow this one.
            size = file.seek(0, os.SEEK_END)
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line
            file.write(line)
            file.flush()
            os.fsync(descriptor)

    def read(self, person: str = "") -> tuple[Score, ...]:
        """Return the scores of a person, or of everybody, oldest first. Raises BadPerson."""
        paths = [self._path(person)] if person else sorted(self._directory.glob("*.jsonl"))
        scores = [score for path in paths for score in _scores(path)]
        return tuple(sorted(scores, key=lambda score: score.at))

    def _path(self, person: str) -> Path:
        check_person(person)
        return self._directory / f"{person}.jsonl"


def check_person(person: str) -> None:
    """Raise BadPerson if nobody can be called so."""
    if not _PERSON.fullmatch(person):
        raise BadPerson(f"{person!r} is no name: a letter or digit, then up to 63 letters, digits, spaces and .'@+-")


def solved_exercises(scores: Iterable[Score]) -> frozenset[str]:
    """Return the names of the exercises that were solved at least once."""
    return frozenset(score.exercise for score in scores if score.solved)


def now_text(at: datetime) -> str:
    """Return a moment as a score has it."""
    return at.isoformat(timespec="seconds")


def as_csv(scores: Sequence[Score]) -> str:
    """Return the scores as CSV. A text that a spreadsheet would run as a formula gets an apostrophe before it."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(_FIELDS)
    for score in scores:
        rows.writerow([_harmless(value) for value in asdict(score).values()])
    return text.getvalue()


def as_junit(scores: Sequence[Score]) -> str:
    """Return a JUnit XML document: a suite for each person, a test case for each attempt."""
    root = ElementTree.Element("testsuites")
    for person in sorted({score.person for score in scores}):
        own = [score for score in scores if score.person == person]
        failures = sum(not score.solved for score in own)
        suite = ElementTree.SubElement(
            root, "testsuite", name=person, tests=str(len(own)), failures=str(failures), errors="0", skipped="0"
        )
        for score in own:
            case = ElementTree.SubElement(
                suite, "testcase", classname=person, name=f"exercise {score.exercise}", time=f"{score.seconds:.3f}"
            )
            if not score.solved:
                ElementTree.SubElement(case, "failure", message=score.why or "not solved")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _scores(path: Path) -> Iterator[Score]:
    if not path.exists():
        return
    for line in path.read_bytes().splitlines():
        try:
            found = json.loads(line)
            yield Score(**{name: (_LATER | found)[name] for name in _FIELDS})
        except (ValueError, KeyError, TypeError):
            continue  # cut short by a crash


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
