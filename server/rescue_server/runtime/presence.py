"""Which consoles are connected, and which technicians are in focus: those with a console in focus.

After a restart of the server a technician who was in focus counts as in focus for a few real seconds more, so that
their console can come back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from rescue_protos.errors import STORAGE_ERRORS

FOCUS_KEPT = 5.0  # real seconds after a start
RETRY = 1.0  # real seconds until a change that could not be stored is tried again


class ConnectedConsoles:
    """The consoles that are connected, and whether each is in focus."""

    def __init__(self) -> None:
        self._of: dict[str, dict[object, bool]] = {}  # by technician
        self._looking: frozenset[str] = frozenset()
        self.assumed: frozenset[str] = frozenset()

    def in_focus(self) -> frozenset[str]:
        """The technicians in focus. Each command asks, so it is not looked for among all consoles."""
        return self._looking | self.assumed

    def of(self, technician: str) -> Mapping[object, bool]:
        """Return the technician's consoles, and whether each is in focus."""
        return self._of.get(technician, {})

    def put(self, technician: str, console: object, in_focus: bool) -> None:
        """Record a console."""
        self._of.setdefault(technician, {})[console] = in_focus
        self._look_again(technician)

    def drop(self, technician: str, console: object) -> None:
        """Remove a console."""
        consoles = self._of.get(technician, {})
        consoles.pop(console, None)
        if not consoles:
            self._of.pop(technician, None)
        self._look_again(technician)

    def _look_again(self, technician: str) -> None:
        if any(self.of(technician).values()) is not (technician in self._looking):
            self._looking ^= {technician}


class Presence:
    """`on_change(technician, in_focus)` is awaited whenever a technician gains or loses the focus.

    If the change cannot be stored, the caller gets the error, and the change is tried again until it is stored.
    """

    def __init__(
        self, on_change: Callable[[str, bool], Coroutine[Any, Any, None]], consoles: ConnectedConsoles | None = None
    ) -> None:
        self._on_change = on_change
        self._consoles = consoles or ConnectedConsoles()
        self._closing = False
        self._retries: dict[str, asyncio.Task[None]] = {}

    def in_focus(self) -> frozenset[str]:
        """The technicians in focus."""
        return self._consoles.in_focus()

    def assume(self, technicians: frozenset[str]) -> None:
        """Assume the focus of technicians who had it when the server stopped."""
        self._consoles.assumed = technicians

    async def end_assumption(self) -> None:
        """Wait for the technicians whose focus is assumed. Those who do not come back in time lose it."""
        await asyncio.sleep(FOCUS_KEPT)
        before, self._consoles.assumed = self.in_focus(), frozenset()
        for technician in sorted(before - self.in_focus()):
            with contextlib.suppress(*STORAGE_ERRORS):
                await self._change(technician)

    async def set(self, technician: str, console: object, in_focus: bool) -> None:
        """Record that a console is connected, in focus or not."""
        before = technician in self.in_focus()
        # A console that returns out of focus says nothing about the technician's others, which may still reconnect.
        if in_focus or console in self._consoles.of(technician):
            self._consoles.assumed -= {technician}
        self._consoles.put(technician, console, in_focus)
        await self._report(technician, before)

    async def leave(self, technician: str, console: object) -> None:
        """Remove a console that lost its connection: it is not in focus any more."""
        before = technician in self.in_focus()
        self._consoles.drop(technician, console)
        if not self._closing:
            with contextlib.suppress(*STORAGE_ERRORS):
                await self._report(technician, before)

    def close(self) -> None:
        """Stop following: consoles that leave while the server stops do not lose the focus."""
        self._closing = True
        for retry in self._retries.values():
            retry.cancel()

    async def _report(self, technician: str, before: bool) -> None:
        now = technician in self.in_focus()
        if now is not before:
            await self._change(technician)

    async def _change(self, technician: str) -> None:
        try:
            await self._on_change(technician, technician in self.in_focus())
        except STORAGE_ERRORS:
            if technician not in self._retries:
                self._retries[technician] = asyncio.create_task(self._until_stored(technician))
            raise

    async def _until_stored(self, technician: str) -> None:
        stored = False
        while not stored:
            await asyncio.sleep(RETRY)
            with contextlib.suppress(*STORAGE_ERRORS):
                await self._on_change(technician, technician in self.in_focus())
                stored = True
        del self._retries[technician]
