"""Where a group posts: set by the command line or the organization file, kept over a restart, shown without secrets."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rescue_emulator.world.world import World
from rescue_protos.errors import InvalidArgument
from rescue_server.core.organization import PostSettingsChanged
from rescue_server.startup.organization_file import BadOrganizationFile, read_organization

URL = "http://reader:hunter2@127.0.0.1:9/hook?key=1"
SHOWN = "http://***@127.0.0.1:9/hook?***"
STAFF = 'administrators = ["admin"]\n[groups.Support]\ntechnicians = ["alice"]\n'
NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def test_an_administrator_sets_where_a_group_posts_and_nothing_shows_the_password(tmp_path: Path) -> None:
    async with World(data=tmp_path / "data") as world:
        changes = {"post-start": URL, "post-as": "xml", "idle-timeout": "5m"}
        changed = await world.admin.change_settings("group:Support", changes)
        assert dict(changed.post) == {"post-start": SHOWN, "post-end": "", "post-as": "xml"}
        assert changed.written()["idle-timeout"] == "5m"
        with pytest.raises(InvalidArgument, match="sessions are posted for technician groups"):
            await world.admin.change_settings("channel:Web", {"post-start": URL})
        events = [line.body async for piece in world.journal.read() for line in piece.lines]
        assert [body["changes"] for body in events if body["type"] == "PostSettingsChanged"] == [
            {"start": SHOWN, "format": "xml"}
        ]
    async with World(data=tmp_path / "data") as world:
        [support] = [group for group in (await world.admin.organization()).groups if group.name == "Support"]
        assert support.settings.post["post-start"] == SHOWN


def test_an_organization_file_can_set_it(tmp_path: Path) -> None:
    file = tmp_path / "organization.toml"
    file.write_text(STAFF + f'post-end = "{URL}"\npost-as = "xml"\n', encoding="utf-8")
    found = [event for event in read_organization(file, NOW) if isinstance(event, PostSettingsChanged)]
    assert [event.changes for event in found] == [{"end": URL, "format": "xml"}]


def test_a_wrong_url_in_an_organization_file_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "organization.toml"
    file.write_text(STAFF + 'post-end = "ftp://localhost"\n', encoding="utf-8")
    with pytest.raises(BadOrganizationFile, match=r"line 4: groups\.Support\.post-end: http://HOST"):
        read_organization(file, NOW)
