"""What is wrong with an organization file is said with its line and the reason, in the words of the file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rescue_server.startup.organization_file import BadOrganizationFile, read_organization

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STAFF = 'administrators = ["admin"]\n[groups.Support]\ntechnicians = ["alice"]\n'


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (STAFF + 'idle-timeout = "1000m"\n', 4, "1 minute to 999 minutes, or 0 for never"),
        (STAFF + 'terms = ""\nidle-timout = "5m"\n', 5, "there is no such setting; there are connecting-timeout, "),
        (STAFF.replace("technicians", "technician"), 3, "there is no such setting; there are technicians, "),
        (STAFF + "idle-timeout = 5\n", 4, "a text is needed"),
        (STAFF + "post-start = 5\n", 4, "a text is needed"),
        (STAFF + 'reconnect-period = "5s"\n', 4, "must be longer than the heartbeat interval"),
        (STAFF + "[groups.'Second Line']\nidle-timeout = '1s'\n", 5, "out of range"),
        (STAFF + 'idle-timeout = "5m"\n[groups.Network]\nidle-timeout = "soon"\n', 6, "is not a duration"),
        (STAFF + '[channels.Web]\ngroups = ["Network"]\n', 5, "there is no technician group 'Network'"),
        (STAFF.replace("administrators", "staff"), 1, "unknown; there are administrators"),
        (STAFF.replace('"admin"', '"alice"'), 1, "there is a technician 'alice' already"),
        ('administrators = ["admin"\n', 1, "Unclosed array"),
        ("a = 1\nb = = 2\n", 2, "Invalid value"),
        (STAFF + "[groups.Support]\n", 4, "twice"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, line: int, reason: str) -> None:
    file = tmp_path / "organization.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadOrganizationFile) as refused:
        read_organization(file, NOW)
    assert str(refused.value).startswith(f"{file}, line {line}: ")
    assert reason in str(refused.value)
