"""Files as editors and shells write them: a byte order mark, marks typed apart from their letters, a line end."""

from __future__ import annotations

from codecs import BOM_UTF8
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rescue_common.state_directory import find_secret
from rescue_server.core.organization import TechnicianAdded
from rescue_server.replay.journal_file import BadJournal, read_journal
from rescue_server.startup.organization_file import read_organization

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
ORGANIZATION = 'administrators = ["admin"]\n[groups.Support]\ntechnicians = ["Jose\u0301"]\n'
JOURNAL = Path(__file__).parents[3] / "contract/server/journals/0.1.0-others.jsonl"


def test_an_organization_file_may_begin_with_a_mark_and_names_are_composed(tmp_path: Path) -> None:
    path = tmp_path / "org.toml"
    path.write_bytes(BOM_UTF8 + ORGANIZATION.encode())
    added = [event.name for event in read_organization(path, NOW) if isinstance(event, TechnicianAdded)]
    assert added == ["Jos\u00e9"]


def test_a_journal_may_begin_with_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(BOM_UTF8 + JOURNAL.read_bytes())
    assert list(read_journal(path)) == list(read_journal(JOURNAL))


def test_a_deeply_nested_journal_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text('{"unknown": ' + "[" * 100_000 + "]" * 100_000 + "}\n", encoding="utf-8")
    with pytest.raises(BadJournal, match=r"run\.jsonl, line 1: "):
        list(read_journal(path))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_secret_may_end_with_a_line_end(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESCUE_SECRET", f"s3cret{end}")
    assert find_secret("alice") == "s3cret"
