"""What survives a reboot."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rescue_applet.ticket_file import JoinRequest, SavedTicket, TicketFile


def test_what_is_kept_is_read_back_and_only_its_owner_can(tmp_path: Path) -> None:
    file = TicketFile(tmp_path / "ticket.json")
    kept = SavedTicket(
        join_request=JoinRequest(request_id="r", pin="123456", customer="Zoë"),
        session="s",
        ticket="t",
        joined=True,
        outbox=(b"\x00\xff",),
    )
    file.write(kept)
    assert file.read() == kept
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["ticket.json"]


def test_a_forgotten_ticket_is_gone(tmp_path: Path) -> None:
    file = TicketFile(tmp_path / "ticket.json")
    file.write(SavedTicket(join_request=JoinRequest(request_id="r")))
    file.forget()
    file.forget()
    with pytest.raises(FileNotFoundError):
        file.read()
