"""Recorded journals: today's core reads them as they were, notices what it would read differently, and counts rows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing
from collections import Counter
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from rescue_protos.status_table import read_rows
from rescue_server.replay.check import check
from rescue_server.replay.coverage import count_rows
from rescue_server.replay.journal_file import RecordedLine, read_journal
from rescue_server.runtime.state import AnyEvent

FIXTURES = Path(__file__).parent / "journals"
JOURNALS = sorted(FIXTURES.glob("*.jsonl"))
CONFORMANCE = FIXTURES / "0.1.0-conformance.jsonl"


def rescue(*arguments: str | Path, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RESCUE_")}
    return subprocess.run(
        [sys.executable, "-m", "rescue_emulator", *map(str, arguments)],
        input=None if stdin is None else stdin.decode(),
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )


def tampered(pattern: str, replacement: str) -> list[RecordedLine]:
    """The conformance journal with the first match changed."""
    text, changes = re.subn(pattern, replacement, CONFORMANCE.read_text(encoding="utf-8"), count=1)
    assert changes == 1
    decoder = msgspec.json.Decoder(RecordedLine)
    return [decoder.decode(line) for line in text.splitlines()]


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda path: path.stem)
def test_todays_core_reads_every_kept_journal_as_it_was(journal: Path) -> None:
    lines = list(read_journal(journal))
    verdict = check(lines)
    assert verdict.difference == ""
    assert (verdict.judged, verdict.skipped) == (len(lines), 0)


def test_the_kept_journals_have_every_row_and_every_kind_of_event() -> None:
    lines = [line for journal in JOURNALS for line in read_journal(journal)]
    rows = sum((Counter(count_rows(read_journal(journal))) for journal in JOURNALS), Counter())
    assert sorted(rows) == [row.row for row in read_rows()]
    kinds = {kind.__name__ for kind in typing.get_args(AnyEvent)}
    assert kinds - {type(line.body).__name__ for line in lines} == set(), "see record_journals.py"


def test_the_kept_journals_hold_no_hash_of_a_secret() -> None:
    text = "".join(journal.read_text(encoding="utf-8") for journal in JOURNALS)
    assert set(re.findall(r'"(?:secret_hash|ticket_hash|code_hash)": "([^"]*)"', text)) == {"withheld", ""}


@pytest.mark.parametrize(
    ("pattern", "replacement", "expected"),
    [
        pytest.param(
            '"status": "Waiting", "row": 1', '"status": "Active", "row": 1', "Connecting -> Active", id="status"
        ),
        pytest.param('"row": 6,', '"row": 7,', "(row 7)", id="row"),
        pytest.param(
            r'"changes": \[\{[^]]*"row": 14[^]]*\]', '"changes": []', "the consoles showed nothing", id="missing"
        ),
        pytest.param('"body": {"type": "LinkLost"', '"body": {"type": "LinkRestored"', "derives nothing", id="event"),
        pytest.param('"idle_timeout": "PT60S"', '"idle_timeout": "PT120S"', "was due at", id="early"),
        pytest.param('"idle_timeout": "PT60S"', '"idle_timeout": "PT1S"', "cannot take it in", id="out of range"),
        pytest.param(r'(?m)^.*"name": "LinkOffline".*\n', "", "offline-period", id="time-out left out"),
    ],
)
def test_the_first_difference_is_told(pattern: str, replacement: str, expected: str) -> None:
    verdict = check(tampered(pattern, replacement))
    assert verdict.difference.startswith("revision ")
    assert expected in verdict.difference


def test_sessions_that_began_before_the_journal_are_skipped() -> None:
    lines = list(read_journal(CONFORMANCE))
    created = next(i for i, line in enumerate(lines) if type(line.body).__name__ == "SessionCreated")
    mine = sum(line.stream == lines[created].stream for line in lines)
    verdict = check(lines[:created] + lines[created + 1 :])
    assert (verdict.difference, verdict.skipped) == ("", mine - 1)


def test_row_61_is_exercised_only_by_an_entry_that_stays_for_three_minutes() -> None:
    lines = list(read_journal(CONFORMANCE))
    counted = next(i for i in range(len(lines)) if count_rows(lines[: i + 1])[61])
    timed_out = [
        line for line in lines[:counted] if any(change.status == "Timed Out" for change in line.changes)
    ]  # an earlier one had left its queue sooner
    assert lines[counted].at >= timed_out[-1].at + timedelta(minutes=3)
    assert count_rows(line for line in lines if line.at < timed_out[-1].at + timedelta(minutes=3))[61] == 0


def test_replay_check_says_yes_and_no_to_scripts(tmp_path: Path) -> None:
    good = rescue("replay", "--check", "--json", CONFORMANCE)
    assert (good.returncode, json.loads(good.stdout)["ok"]) == (0, True)
    bad = tmp_path / "bad.jsonl"
    bad.write_text(CONFORMANCE.read_text(encoding="utf-8").replace('"row": 6,', '"row": 7,', 1), encoding="utf-8")
    wrong = rescue("replay", "--check", bad)
    assert wrong.returncode == 1
    assert "(row 7)" in wrong.stderr


@pytest.mark.parametrize("content", ["", "no json\n", '{"revision": 1}\n', '{"event": "entry", "session": "1"}\n'])
def test_what_is_no_journal_is_told_plainly(tmp_path: Path, content: str) -> None:
    journal = tmp_path / "j.jsonl"
    journal.write_text(content, encoding="utf-8")
    done = rescue("replay", "--check", journal)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert ("line 1" in done.stderr) if content else ("nothing to judge" in done.stderr)


def test_coverage_counts_journals_together_and_can_demand_rows() -> None:
    both = rescue("coverage", "--json", "--fail-under", "62", *JOURNALS)
    counts = {line["row"]: line["count"] for line in map(json.loads, both.stdout.splitlines())}
    assert both.returncode == 0
    assert sorted(counts) == list(range(1, 63))
    assert min(counts.values()) >= 1
    few = rescue("coverage", "--fail-under", "62", "-", stdin=JOURNALS[1].read_bytes())
    assert few.returncode == 1
    assert re.search(r"Waiting → Reconnecting +never", few.stdout)
    assert few.stderr.strip().endswith("of 62 changes exercised")
