"""The servers that a client may use: HOST:PORT, several of them separated by commas; and the one that it uses."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

_ADDRESS = re.compile(r"(?:[^\s:/,\[\]]+|\[[0-9a-fA-F:.%\w]+\]):[0-9]{1,5}", re.ASCII)


def read_addresses(text: str) -> tuple[str, ...]:
    """Return the addresses in a text, each once. Raises ValueError with the part that is no HOST:PORT."""
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if not _ADDRESS.fullmatch(part):
            raise ValueError(part)
    return tuple(dict.fromkeys(parts))


class ServerList:
    """The addresses that are known, and the one in use, which is kept while it works.

    The first one is chosen at random, so that clients spread over the servers. `choose` makes that choice.
    """

    def __init__(
        self, addresses: Sequence[str] = (), *, choose: Callable[[Sequence[str]], str] = random.choice
    ) -> None:
        self._choose = choose
        self._addresses: tuple[str, ...] = ()
        self._current = ""
        self.update(addresses)

    @property
    def current(self) -> str:
        """The address in use; empty if none is known."""
        return self._current

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that are known."""
        return self._addresses

    def __len__(self) -> int:
        return len(self._addresses)

    def update(self, addresses: Sequence[str]) -> None:
        """Take these as the known addresses; the one in use stays if it is one of them."""
        if tuple(addresses) == self._addresses:
            return
        self._addresses = tuple(addresses)
        if self._current not in self._addresses:
            self._current = self._choose(self._addresses) if self._addresses else ""

    def leave(self, address: str, *, named: str = "") -> None:
        """Use another server, because this one failed: the one that it named, else the next of the list.

        Nothing changes if the address is not in use any more: another call has left it before.
        """
        if address != self._current:
            return
        if _ADDRESS.fullmatch(named):
            self._current = named
        elif address in self._addresses:
            self._current = self._addresses[(self._addresses.index(address) + 1) % len(self._addresses)]
        elif self._addresses:  # a server had named it
            self._current = self._choose(self._addresses)
