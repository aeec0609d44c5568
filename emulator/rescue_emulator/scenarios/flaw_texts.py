"""What is wrong with a scenario file, in another language. Pure.

The checks say it in English. Here are those sentences with names for what varies in them, and the catalogs translate
them. A sentence without a translation stays English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from rescue_common.languages import catalog_of

SENTENCES = (
    "it is empty",
    "it is not UTF-8 (byte {byte})",
    "it is nested too deeply",
    "the character {character} is not allowed",
    "nobody can be called {name}",
    "{name} can be only one",
    "nobody is called {name}: there are {names}",
    "no customer is called {name}: there are {names}",
    "no technician is called {name}: there are {names}",
    "no group is called {name}: there are {names}",
    "no channel is called {name}: there are {names}",
    "whose session? add: {what}",
    "whose session? write a list for each of {names}",
    "the trainee is one of {names}",
    "{part} are those of {names}",
    "{name} has no settings (possible: {names})",
    "no time goes by",
    "the table has rows 1 to {last}",
    "row {row} ends in {end}, not in {status}",
    "unknown: {name} (possible: {names})",
    "{name} missing",
    "{name} stands twice",
    "{what}: the list is empty",
    "{what}: nothing is in it",
    "{what}: a text is missing",
    "{who} cannot do {what} (possible: {possible})",
    "{who} cannot do {what} ({hint})",
    "it has no trainee (add: trainee: NAME of a technician)",
    "the trainee {name} has no step to take",
    "the queues must have what {name} has to see in the end",
    "an exercise has one customer, not {number}",
)
"""The first one that fits is taken."""


def in_language(message: str, language: str) -> str:
    """Return the message of a BadScenario in a language: each line is a place in a file, and what is wrong there."""
    return "\n".join(_translated(line, language) for line in message.splitlines())


def _translated(line: str, language: str) -> str:
    catalog = catalog_of(language)
    for start in _starts(line):
        for sentence, pattern in _patterns():
            if found := pattern.fullmatch(line[start:]):
                return line[:start] + catalog.text("flaw", sentence).format(**found.groupdict())
    return line


def _starts(line: str) -> Iterator[int]:
    """Yield where the sentence can begin: after the place, which has colons itself."""
    yield 0
    for colon in re.finditer(r":(?: |(?=\D))", line):
        yield colon.end()


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((one, re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(one)))) for one in SENTENCES)
