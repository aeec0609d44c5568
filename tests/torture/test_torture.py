"""A short torture run with every test run; `make torture` does a long one."""

from __future__ import annotations

import os
import secrets
import shutil

import pytest

from tests.torture.checker import judge
from tests.torture.history import moment
from tests.torture.run import SHORT_LIFE, summary, torture, torture_cluster


@pytest.mark.timeout(240)
async def test_nothing_is_lost_when_the_server_dies_again_and_again() -> None:
    """SEED=N replays the dice of a run (not the scheduling of the machine)."""
    seed = int(os.environ.get("SEED") or secrets.randbelow(2**32))
    began = moment()
    history = await torture(seed=seed, kills=10, customers=2, consoles=4, life=SHORT_LIFE, budget=20)
    verdict = judge(history)
    assert history.kills >= 2
    assert history.pauses
    if shutil.which("cc"):  # without a compiler the machine cannot fail otherwise
        assert history.disk_errors
        assert history.jumps
    assert verdict.answer == "yes", summary(history, verdict, moment() - began)


@pytest.mark.timeout(240)
async def test_nothing_is_lost_when_the_leading_server_of_a_cluster_dies_again_and_again() -> None:
    """SEED=N replays the dice of a run (not the scheduling of the machine)."""
    seed = int(os.environ.get("SEED") or secrets.randbelow(2**32))
    began = moment()
    history = await torture_cluster(seed=seed, kills=10, nodes=1, life=SHORT_LIFE, budget=25)
    verdict = judge(history)
    assert history.kills >= 2
    assert verdict.answer == "yes", summary(history, verdict, moment() - began)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("engine", ["nats", *(["etcd"] if shutil.which("etcd") else [])])
async def test_nothing_is_lost_when_servers_and_nodes_of_a_cluster_die(engine: str) -> None:
    seed = int(os.environ.get("SEED") or secrets.randbelow(2**32))
    began = moment()
    history = await torture_cluster(seed=seed, kills=60, engine=engine, life=SHORT_LIFE)
    verdict = judge(history)
    assert history.kills == 60
    assert verdict.answer == "yes", summary(history, verdict, moment() - began)
