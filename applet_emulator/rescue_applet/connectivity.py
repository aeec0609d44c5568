"""Whether the server receives the applet's messages, as far as its computer can find out."""

from __future__ import annotations

import asyncio
import contextlib
import time

# Real seconds. Enough for an applet that missed the loss to give its connection up and be greeted on a new one. An
# advance may go on before: it waits two seconds in all for one computer.
BACK_WITHIN = 4.0
REACHED_WITHIN = 10.0  # real seconds


class Connectivity:
    """The link that the applet reports, and since when a reachable server has not answered it."""

    def __init__(self) -> None:
        self._connected = asyncio.Event()
        self._unreached_since: float | None = None

    def found(self) -> None:
        """The server has answered the applet."""
        self._connected.set()

    def lost(self) -> None:
        """The link is lost or unknown: only an answer from now on counts."""
        self._connected.clear()

    async def back(self) -> None:
        """Return when the server has answered, or when that has taken too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BACK_WITHIN):
                await self._connected.wait()

    def excuse(self) -> None:
        """That the server did not answer until now has a reason."""
        self._unreached_since = None

    def is_hopeless(self) -> bool:
        """The server did not answer, without an excuse. Return whether it has been so for too long."""
        now = time.monotonic()
        if self._unreached_since is None:
            self._unreached_since = now
        return now - self._unreached_since > REACHED_WITHIN
