"""What survives a reboot: the one file in which the applet saves its state.

At first it holds the join request (a PIN or a channel), then the session's ticket and the reports that the server has
not confirmed yet. It is removed when the session is over.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from rescue_common.private_files import write_private


class JoinRequest(msgspec.Struct, frozen=True, kw_only=True):
    """How to join a session. One of `pin` and `channel` is set; `customer` is a name or empty, `language` the screen's.

    The request id is on disk before the request is sent, so that a second request finds the same session.
    """

    request_id: str
    pin: str = ""
    channel: str = ""
    customer: str = ""
    language: str = ""


class SavedTicket(msgspec.Struct, frozen=True, kw_only=True):
    """The file's content. `session` and `ticket` are empty until the server gave them; `outbox` holds
    serialized reports in the order of their making; `chat_after` is the revision of the last chat line shown, in the
    history `history`."""

    join_request: JoinRequest
    session: str = ""
    ticket: str = ""
    joined: bool = False
    outbox: tuple[bytes, ...] = ()
    chat_after: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    history: str = ""


class TicketFile:
    """The file, written whole or not at all and readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> SavedTicket:
        """Return the content. Raises OSError, or msgspec.DecodeError if it is no ticket file."""
        return msgspec.json.decode(self.path.read_bytes(), type=SavedTicket)

    def write(self, kept: SavedTicket) -> None:
        """Write the content. Raises OSError."""
        # Without fsync: the emulated computer's disk survives as long as the machine runs.
        write_private(self.path, msgspec.json.encode(kept), durable=False)

    def forget(self) -> None:
        """Remove the file, if it exists."""
        self.path.unlink(missing_ok=True)
