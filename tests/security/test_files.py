"""Files with secrets belong to their owner alone, whatever the umask and whatever was there before."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from rescue_applet.ticket_file import JoinRequest, SavedTicket, TicketFile
from rescue_common.private_files import NotPrivate, make_private
from rescue_common.state_directory import Access
from rescue_server.cli.server import server
from tests.security.conftest import Opened


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


def modes(directory: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}


@pytest.mark.usefixtures("no_umask")
async def test_what_a_server_writes_is_0600_in_a_0700_directory(open_house: Opened, tmp_path: Path) -> None:
    state = tmp_path / "state"
    make_private(state)
    async with open_house(state) as house:
        await house.new_pin(await house.signed_in("alice"))
        found = modes(state)
        assert {"access.json", "server.key", "store.sqlite3", "store.sqlite3-wal"} <= set(found)
        assert set(found.values()) == {0o600}
        assert stat.S_IMODE(state.stat().st_mode) == 0o700


@pytest.mark.usefixtures("no_umask")
def test_a_directory_that_was_open_is_closed_with_all_that_is_in_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o777)
    (state / "access.json").touch(mode=0o666)
    (state / "lock").touch(mode=0o600)
    outside = tmp_path / "outside"
    outside.touch(mode=0o666)
    (state / "link").symlink_to(outside)
    assert make_private(state) == [f"{state} was open to other users: it is 0700 now"]
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE((state / "access.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(outside.stat().st_mode) == 0o666
    assert make_private(state) == []


@pytest.mark.usefixtures("no_umask")
def test_files_of_others_in_a_state_directory_keep_their_modes(tmp_path: Path) -> None:
    (tmp_path / "access.json").touch(mode=0o644)
    (tmp_path / "notes.txt").touch(mode=0o644)
    (tmp_path / "store.sqlite3").touch(mode=0o600)
    tmp_path.chmod(0o755)
    make_private(tmp_path)
    assert modes(tmp_path) == {"access.json": 0o600, "notes.txt": 0o644, "store.sqlite3": 0o600}


@pytest.mark.usefixtures("no_umask")
@pytest.mark.parametrize("name", ["index.html", "access.json"])
def test_a_directory_that_was_named_by_mistake_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch(mode=0o644)
    tmp_path.chmod(0o755)
    with pytest.raises(NotPrivate, match="holds other files"):
        make_private(tmp_path)
    assert modes(tmp_path) == {name: 0o644}
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.mark.usefixtures("no_umask")
def test_a_state_directory_that_certificates_are_made_in_is_private_at_once(tmp_path: Path) -> None:
    state = tmp_path / "state"
    for said in ("", f"{state} was open to other users: it is 0700 now\n"):
        made = CliRunner().invoke(server, ["certificates", "--data", str(state)])
        assert (made.exit_code, made.stderr) == (0, said), made.output
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        state.chmod(0o755)  # as somebody else may have left it


def test_a_directory_of_somebody_else_that_is_open_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(NotPrivate, match="belongs to another user"):
        make_private(state)


@pytest.mark.usefixtures("no_umask")
def test_access_and_ticket_files_are_0600_whatever_the_umask(tmp_path: Path) -> None:
    Access(server="127.0.0.1:1", secrets={"alice": "s3cret"}).write(tmp_path)
    TicketFile(tmp_path / "ticket.json").write(SavedTicket(join_request=JoinRequest(request_id="r", pin="123456")))
    assert modes(tmp_path) == {"access.json": 0o600, "ticket.json": 0o600}


def test_a_file_that_could_not_be_written_leaves_the_old_one_and_nothing_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    Access(server="127.0.0.1:1", secrets={"alice": "s3cret"}).write(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        Access(server="127.0.0.1:2", secrets={"alice": "n3w"}).write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["access.json"]
    assert Access.read(tmp_path).secrets == {"alice": "s3cret"}


def test_secrets_do_not_show_in_what_is_printed_of_them() -> None:
    from rescue_server.runtime.credentials import Principal

    assert "s3cret" not in repr(Access(server="127.0.0.1:1", secrets={"alice": "s3cret"}))
    assert "sha256" not in repr(Principal(name="alice", administrator=False, secret_hash="sha256$"))
