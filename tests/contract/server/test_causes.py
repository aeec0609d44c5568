"""Why something happened: the recorded sentences in English, and the same facts in Dutch."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from rescue_common.causes import sentence
from rescue_common.languages import LANGUAGES, catalog_of
from rescue_server.core import events, organization
from rescue_server.core.causes import Cause
from rescue_server.core.history import EventHistory
from rescue_server.replay.journal_file import read_journal
from tests.recorded_sentences import as_worded_now

JOURNALS = sorted((Path(__file__).parent / "journals").glob("*.jsonl"))


NAMED = (organization.TechnicianAdded, organization.GroupAdded, organization.ChannelAdded)


def causes_of(journal: Path) -> list[tuple[Cause, str]]:
    """Return the cause of each event, with the sentence that was recorded."""
    history, causes = EventHistory(), []
    recorded = [line["cause"] for line in map(json.loads, journal.read_text().splitlines()) if "cause" in line]
    lines = list(read_journal(journal))
    assert len(lines) == len(recorded)
    for line, text in zip(lines, recorded, strict=True):
        explained = history.explain(line.body)
        if explained is not None:
            causes.append((explained.cause, text))
    return causes


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda path: path.stem)
def test_the_english_sentences_are_the_recorded_ones(journal: Path) -> None:
    for cause, recorded in causes_of(journal):
        assert sentence(cause, "en") == as_worded_now(recorded)


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda path: path.stem)
def test_the_dutch_sentence_names_everybody_whom_the_english_one_names(journal: Path) -> None:
    names = {line.body.name for line in read_journal(journal) if isinstance(line.body, NAMED)}
    for cause, _ in causes_of(journal):
        english, dutch = sentence(cause, "en"), sentence(cause, "nl")
        assert dutch not in ("", english), f"{cause.code} has no Dutch sentence"
        assert names & set(re.findall(r"\w+", dutch)) == names & set(re.findall(r"\w+", english)), (cause, dutch)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_event_has_a_sentence(language: str) -> None:
    codes = {key.partition(".")[0] for key in catalog_of(language).keys("cause")} - {"the first start"}
    assert codes == {
        event.__name__ for event in (*get_args(events.AnySessionEvent), *get_args(organization.AnyOrganizationEvent))
    }
