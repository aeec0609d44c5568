"""The worlds of one pytest run: where their servers come from, their seeds, and the shared server.

The plugin and its asyncio fixtures both use this module. It imports nothing but pytest, as the plugin does.
"""

from __future__ import annotations

import warnings
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rescue_emulator.world.records import StatusUpdate
    from rescue_emulator.world.sync import SyncWorld
    from rescue_emulator.world.world import World

MODES = ("own", "share", "attach")


@dataclass(slots=True, kw_only=True)
class Run:
    """One run of pytest: the mode and the seed of its worlds, and the published rows that its consoles showed."""

    mode: str
    server: str | None
    data: str | None
    seed: int
    rows: Counter[int] = field(default_factory=Counter)

    def count_row(self, update: StatusUpdate) -> None:
        """Count the published row of an update, for --rescue-coverage."""
        if update.row is not None:
            self.rows[update.row] += 1

    def make_world(self, item: pytest.Item, shared: SharedServer) -> World:
        """Make the world of a test, as the options of the run and the marks of the test say."""
        from rescue_emulator.world.world import World

        options: dict[str, Any] = {}
        for mark in item.iter_markers("rescue"):
            if mark.args:
                pytest.fail(f"the mark rescue names its options, as in rescue(speed=60): {mark.args!r}", pytrace=False)
            options = {**mark.kwargs, **options}
        mode = options.pop("mode", "own" if options and self.mode == "share" else self.mode)
        if mode not in MODES:
            pytest.fail(f"the mark rescue has no mode {mode!r} (possible: {', '.join(MODES)})", pytrace=False)
        seed = zlib.crc32(f"{self.seed} {item.nodeid}".encode())
        if mode == "own":
            return World(**{"seed": seed, **options})
        if options:
            pytest.skip("needs a server of its own: --rescue=own or share")
        if mode == "share":
            return shared.world().share(seed=seed)
        return World.external(server=self.server, data=self.data, seed=seed)


RUN = pytest.StashKey[Run]()
WORLDS = pytest.StashKey["list[World]"]()


class SharedServer:
    """The server that tests share. It starts when a test first needs it, and again if it has ended."""

    def __init__(self) -> None:
        self._world: World | None = None
        self._entered: SyncWorld | None = None

    @property
    def address(self) -> str:
        """HOST:PORT of the server."""
        return self.world().address

    @property
    def data(self) -> Path:
        """The state directory of the server."""
        return self.world().data

    def world(self) -> World:
        """Return the world that owns the server; start one if none runs."""
        if self._world is not None and self._world.server.status is not None:
            # The test that ended the server has failed or passed on its own. Later tests get a new server.
            warnings.warn(f"the shared server is gone, another starts\n{self._world.report()}", stacklevel=2)
            self.stop()
        if self._world is None:
            from rescue_emulator.world.sync import SyncWorld
            from rescue_emulator.world.world import World

            world = World()
            self._entered = SyncWorld(world).__enter__()
            self._world = world  # only after a successful start, so that each test gets the error of a failed one
        return self._world

    def stop(self) -> None:
        """Stop the server, if it was started."""
        entered, self._entered, self._world = self._entered, None, None
        if entered is not None:
            entered.__exit__(None, None, None)


def new_world(request: pytest.FixtureRequest) -> World:
    """Make the world of a test, and store it for the report of a failure."""
    run = request.config.stash[RUN]
    shared = request.getfixturevalue("rescue_shared_server")
    world = run.make_world(request.node, shared)
    request.node.stash.setdefault(WORLDS, []).append(world)
    return world
