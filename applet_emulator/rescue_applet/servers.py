"""The servers that a computer knows, the one that it uses, and when it uses another one."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from rescue_common.server_list import ServerList


class Servers:
    """The cable and the computer's clock ask this for the server. `find` looks the addresses up, and raises NoAccess.

    `choose` chooses the first one. The computer keeps a server while that one works.
    """

    def __init__(
        self, find: Callable[[], Sequence[str]], *, choose: Callable[[Sequence[str]], str] = random.choice
    ) -> None:
        self._find = find
        self._list = ServerList(choose=choose)
        self._dialled = ""

    def address(self) -> str:
        """Return HOST:PORT of the server to use now. Raises NoAccess."""
        self._list.update(self._find())
        return self._list.current

    def dialled(self, address: str) -> None:
        """Record that the cable has a connection to this server."""
        self._dialled = address

    def leave(self, address: str, *, named: str = "") -> bool:
        """Use another server than this one: the one that it named, else the next. Return whether there is another."""
        self._list.leave(address, named=named)
        return self._list.current != address

    def leave_dialled(self, *, named: str = "") -> None:
        """Leave the server to which the cable led: the applet has lost it, or was sent away."""
        self.leave(self._dialled, named=named)
