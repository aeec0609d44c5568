"""Why something happened, in Dutch: the same facts as the server's English sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rescue_console.labels import Labels
from rescue_server.core import organization as o
from rescue_server.core.history import EventHistory
from rescue_server.core.queue import Cause
from rescue_server.replay.journal_file import read_journal

JOURNALS = sorted((Path(__file__).parent / "journals").glob("*.jsonl"))


def told(journal: Path) -> tuple[set[str], Iterator[Cause]]:
    """Return the names of everybody and everything in the organization, and why anything happened to a session."""
    lines = list(read_journal(journal))
    named = (o.TechnicianAdded, o.GroupAdded, o.ChannelAdded)
    names = {line.body.name for line in lines if isinstance(line.body, named)}
    history = EventHistory()

    def causes() -> Iterator[Cause]:
        for line in lines:
            found = history.explain(line.body)
            if found is not None and not isinstance(line.body, o.OrganizationEvent):
                yield found.cause

    return names, causes()


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda path: path.stem)
def test_the_dutch_sentence_names_everybody_whom_the_english_one_names(journal: Path) -> None:
    names, causes = told(journal)
    dutch = Labels.of("nl")
    for cause in causes:
        said = dutch.cause(cause.event, cause.text, by=cause.technician, about=cause.about)
        if cause.event != "FocusChanged":  # no status follows from it: no console says it
            assert said != cause.text, f"{cause.event} has no Dutch sentence"
        assert names & set(re.findall(r"\w+", said)) == names & set(re.findall(r"\w+", cause.text)), (cause, said)
