"""A small cluster, and programs that know all of its servers. A test that needs another one has its own fixture."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rescue_emulator.world.cluster_programs import ClusterPrograms
from rescue_emulator.world.world import World


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[ClusterPrograms]:
    """Two servers whose clock stands, and a node of the engine."""
    async with ClusterPrograms(tmp_path, servers=2, nodes=1, options=["--paused"]) as programs:
        yield programs


@pytest.fixture
async def world(cluster: ClusterPrograms) -> AsyncIterator[World]:
    """Programs that may call either server."""
    async with World.external(server=cluster.address, data=cluster.data(), share=False) as visiting:
        yield visiting
